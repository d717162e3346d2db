package io.weir.instrumentation.servlet;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the handler by which Undertow calls filters and servlet. Its signature names neither javax
 * nor jakarta, so one hook serves both.
 */
final class UndertowInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"io.undertow.servlet.handlers.ServletDispatchingHandler"}; // since 1.0
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("handleRequest")
            .and(takesArgument(0, named("io.undertow.server.HttpServerExchange"))),
        getClass().getName() + "$HandleAdvice");
  }

  static final class HandleAdvice {
    private HandleAdvice() {}

    @Advice.OnMethodEnter(skipOn = Skip.class, suppress = Throwable.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Argument(0) Object exchange) {
      return Bridge.enter(Bridge.hook(ServletModule.UNDERTOW), origin, self, exchange, null, null);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Enter @Nullable Object state,
        @Advice.Thrown @Nullable Throwable thrown) {
      Bridge.leave(Bridge.hook(ServletModule.UNDERTOW), origin, state, self, null, thrown);
    }
  }
}
