package io.weir.instrumentation.grpc;

import static net.bytebuddy.matcher.ElementMatchers.isBridge;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.not;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the method that creates a channel's load balancer, whichever policy the application or a
 * service config chooses. The helper, by which the balancer acts on the channel, is replaced by
 * Weir's. So routed calls go to their instance, and all others where the policy says.
 */
final class BalancerInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"io.grpc.internal.AutoConfiguredLoadBalancerFactory"}; // since 1.18
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("newLoadBalancer").and(takesArguments(1)).and(not(isBridge())),
        getClass().getName() + "$NewAdvice");
  }

  public static final class NewAdvice {
    private NewAdvice() {}

    /** Returns the helper to use instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(
        @Advice.AssignReturned.ToArguments.ToArgument(value = 0, typing = Assigner.Typing.DYNAMIC))
    public static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Argument(0) Object helper) {
      return Bridge.enter(Bridge.hook(GrpcModule.BALANCER), origin, self, helper, null, null);
    }
  }
}
