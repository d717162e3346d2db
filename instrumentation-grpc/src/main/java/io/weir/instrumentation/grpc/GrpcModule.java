package io.weir.instrumentation.grpc;

import io.opentelemetry.javaagent.extension.instrumentation.InstrumentationModule;
import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import java.util.Arrays;
import java.util.List;

/** grpc-java 1.30 and newer, client and server, on every transport. */
public final class GrpcModule extends InstrumentationModule {
  public GrpcModule() {
    super("grpc", "weir-grpc");
  }

  @Override
  public List<TypeInstrumentation> typeInstrumentations() {
    return Arrays.asList(
        new ClientBuilderInstrumentation(),
        new ServerBuilderInstrumentation(),
        new BalancerInstrumentation(),
        new BalancerShutdownInstrumentation(),
        new ListeningInstrumentation());
  }
}
