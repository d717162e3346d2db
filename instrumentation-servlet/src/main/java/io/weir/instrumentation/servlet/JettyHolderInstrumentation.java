package io.weir.instrumentation.servlet;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the servlet holders of Jetty whose method {@code handle} takes Jetty's own request first.
 * It is for requests without filters. A request with filters comes to {@code ServletHandler$Chain}
 * first ({@link DispatchInstrumentation}), is decided there, and is known here by a mark.
 *
 * <p>The caller of the holder, {@code ServletHandler.doHandle}, cannot be woven instead: it marks
 * the request as handled, so if it were skipped, Jetty would call the next handler.
 */
final class JettyHolderInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "org.eclipse.jetty.servlet.ServletHolder", // Jetty 7 to 11
      "org.eclipse.jetty.ee8.servlet.ServletHolder", // Jetty 12
      "org.eclipse.jetty.ee9.servlet.ServletHolder",
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("handle")
            .and(takesArguments(3))
            .and(takesArgument(1, named("javax.servlet.ServletRequest"))),
        getClass().getName() + "$JavaxAdvice");
    transformer.applyAdviceToMethod(
        named("handle")
            .and(takesArguments(3))
            .and(takesArgument(1, named("jakarta.servlet.ServletRequest"))),
        getClass().getName() + "$JakartaAdvice");
  }

  static final class JavaxAdvice {
    private JavaxAdvice() {}

    @Advice.OnMethodEnter(skipOn = Skip.class, suppress = Throwable.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Argument(1) Object request,
        @Advice.Argument(2) Object response) {
      return Bridge.enter(Bridge.hook(ServletModule.JAVAX), origin, self, request, response, null);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Enter @Nullable Object state,
        @Advice.Thrown @Nullable Throwable thrown) {
      Bridge.leave(Bridge.hook(ServletModule.JAVAX), origin, state, self, null, thrown);
    }
  }

  static final class JakartaAdvice {
    private JakartaAdvice() {}

    @Advice.OnMethodEnter(skipOn = Skip.class, suppress = Throwable.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Argument(1) Object request,
        @Advice.Argument(2) Object response) {
      return Bridge.enter(
          Bridge.hook(ServletModule.JAKARTA), origin, self, request, response, null);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Enter @Nullable Object state,
        @Advice.Thrown @Nullable Throwable thrown) {
      Bridge.leave(Bridge.hook(ServletModule.JAKARTA), origin, state, self, null, thrown);
    }
  }
}
