package io.weir.instrumentation.grpc;

import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.List;

/** grpc-java 1.30 and newer, client and server, on every transport. */
public final class GrpcModule extends WeirModule {
  private static final String ADAPTERS = "io.weir.instrumentation.grpc.adapter.";
  static final String CLIENT_BUILD = ADAPTERS + "ClientBuildHook";
  static final String SERVER_BUILD = ADAPTERS + "ServerBuildHook";
  static final String BALANCER = ADAPTERS + "BalancerHook";
  static final String BALANCER_SHUTDOWN = ADAPTERS + "BalancerShutdownHook";
  static final String LISTENING = ADAPTERS + "ListeningHook";

  private static final String VERSIONS = "1.30 and newer";

  public GrpcModule() {
    super("grpc");
  }

  @Override
  public String[] hooks() {
    return new String[] {CLIENT_BUILD, SERVER_BUILD, BALANCER, BALANCER_SHUTDOWN, LISTENING};
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Arrays.asList(
        new ClientBuilderInstrumentation(),
        new ServerBuilderInstrumentation(),
        new BalancerInstrumentation(),
        new BalancerShutdownInstrumentation(),
        new ListeningInstrumentation());
  }

  /** Client and server share packages, so they are distinguished by prefixes of class names. */
  @Override
  public List<Library> covers() {
    return Arrays.asList(
        library(
            "gRPC server",
            Library.Side.SERVER,
            VERSIONS,
            new String[] {"io.grpc.internal.ServerImpl", "io.grpc.internal.AbstractServer"},
            "io.grpc.internal.ServerImpl"),
        library(
            "gRPC client",
            Library.Side.CLIENT,
            VERSIONS,
            new String[] {
              "io.grpc.internal.ManagedChannel",
              "io.grpc.internal.AbstractManagedChannel",
              "io.grpc.internal.AutoConfigured"
            },
            "io.grpc.internal.ManagedChannelImpl"));
  }
}
