package io.weir.instrumentation.grpc;

import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;

/**
 * Where a server has just opened its port, or is about to close it: what the registry needs to
 * know.
 */
final class ListeningInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "io.grpc.internal.ServerImpl" // since 1.0
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        namedOneOf("start").and(takesNoArguments()), getClass().getName() + "$StartAdvice");
    transformer.applyAdviceToMethod(
        namedOneOf("shutdown").and(takesNoArguments()), getClass().getName() + "$StopAdvice");
  }

  static final class StartAdvice {
    private StartAdvice() {}

    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.exit(Bridge.hook(GrpcModule.LISTENING), origin, null, self, null, null);
    }
  }

  /** Before the port is closed: afterwards nobody knows it. */
  static final class StopAdvice {
    private StopAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.exit(Bridge.hook(GrpcModule.LISTENING), origin, "stops", self, null, null);
    }
  }
}
