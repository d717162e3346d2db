package io.weir.instrumentation.okhttp;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.returns;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves two places. One is where the dispatcher's thread begins an enqueued call: if a rate limit
 * makes the call wait for its turn, the thread is given back, and the call is run again later. The
 * other is {@code Call.cancel()}, which must end such a wait.
 */
final class AsyncCallInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "okhttp3.RealCall$AsyncCall", // execute: 3.0 to 3.14; run: 4.0 to 4.3
      "okhttp3.internal.connection.RealCall$AsyncCall", // run: since 4.4
      "okhttp3.RealCall", // cancel: 3.0 to 4.3
      "okhttp3.internal.connection.RealCall", // cancel: since 4.4
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        namedOneOf("execute", "run").and(takesNoArguments()).and(returns(named("void"))),
        getClass().getName() + "$RunAdvice");
    transformer.applyAdviceToMethod(
        named("cancel").and(takesNoArguments()).and(returns(named("void"))),
        getClass().getName() + "$CancelAdvice");
  }

  @SuppressWarnings("unused")
  static final class RunAdvice {
    private RunAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.FieldValue(value = "this$0", typing = Assigner.Typing.DYNAMIC) Object call) {
      return Bridge.enter(Bridge.hook(OkHttpModule.RUN), origin, self, call, null, null);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Enter @Nullable Object state,
        @Advice.Thrown @Nullable Throwable thrown) {
      Bridge.leave(Bridge.hook(OkHttpModule.RUN), origin, state, self, null, thrown);
    }
  }

  @SuppressWarnings("unused")
  static final class CancelAdvice {
    private CancelAdvice() {}

    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Origin Class<?> origin, @Advice.This Object call) {
      Bridge.exit(Bridge.hook(OkHttpModule.RUN), origin, null, call, null, null);
    }
  }
}
