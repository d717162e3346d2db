package io.weir.instrumentation.okhttp;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;

/** {@code Call.cancel()}, for calls that wait for their turn without a thread. */
final class RealCallInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "okhttp3.RealCall", // 3.0 to 4.3
      "okhttp3.internal.connection.RealCall", // 4.4
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("cancel").and(takesNoArguments()), getClass().getName() + "$CancelAdvice");
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
