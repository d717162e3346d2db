package io.weir.instrumentation.grpc;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;

/**
 * A channel that goes idle or down shuts its balancer down, and with it our connections to
 * instances: otherwise it would never terminate.
 */
final class BalancerShutdownInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "io.grpc.internal.AutoConfiguredLoadBalancerFactory$AutoConfiguredLoadBalancer" // since 1.18
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("shutdown").and(takesNoArguments()), getClass().getName() + "$ShutdownAdvice");
  }

  public static final class ShutdownAdvice {
    private ShutdownAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class)
    public static void enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.FieldValue("helper") Object helper) {
      Bridge.enter(Bridge.hook(GrpcModule.BALANCER_SHUTDOWN), origin, self, helper, null, null);
    }
  }
}
