package io.weir.instrumentation.grpc;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;

/**
 * Weaves the methods that open and close a server's port, so that the registry knows which ports
 * are open.
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
        named("start").and(takesNoArguments()), getClass().getName() + "$StartAdvice");
    transformer.applyAdviceToMethod(
        named("shutdown").and(takesNoArguments()), getClass().getName() + "$StopAdvice");
  }

  static final class StartAdvice {
    private StartAdvice() {}

    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.exit(Bridge.hook(GrpcModule.LISTENING), origin, null, self, null, null);
    }
  }

  /**
   * On entry, before the port is closed: afterwards it is no longer known. Both advices come to
   * {@code ListeningHook.exit}; a state that is not null, whatever it is, tells closing from
   * opening.
   */
  static final class StopAdvice {
    private StopAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.exit(Bridge.hook(GrpcModule.LISTENING), origin, "stops", self, null, null);
    }
  }
}
