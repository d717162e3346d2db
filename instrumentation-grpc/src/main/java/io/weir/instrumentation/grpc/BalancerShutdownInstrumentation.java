package io.weir.instrumentation.grpc;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;

/**
 * Weaves the method by which a channel that becomes idle or shuts down ends its balancer. Weir's
 * connections to instances end with it; otherwise the channel would never terminate.
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
