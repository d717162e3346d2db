package io.weir.instrumentation.opentelemetry;

import static net.bytebuddy.matcher.ElementMatchers.isStatic;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;

/**
 * Weaves {@code GlobalOpenTelemetry.set(OpenTelemetry)}, to learn which OpenTelemetry the
 * application has set. Weir never calls {@code get()}: before the application has called {@code
 * set}, it would set a no-op for good.
 */
final class GlobalInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"io.opentelemetry.api.GlobalOpenTelemetry"}; // since 1.0
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("set")
            .and(isStatic())
            .and(takesArguments(1))
            .and(takesArgument(0, named("io.opentelemetry.api.OpenTelemetry"))),
        getClass().getName() + "$SetAdvice");
  }

  @SuppressWarnings("unused")
  static final class SetAdvice {
    private SetAdvice() {}

    /** Not called when {@code set} threw: then another OpenTelemetry stays set. */
    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Origin Class<?> origin, @Advice.Argument(0) Object openTelemetry) {
      Bridge.enter(Bridge.hook(OpenTelemetryModule.SET), origin, origin, openTelemetry, null, null);
    }
  }
}
