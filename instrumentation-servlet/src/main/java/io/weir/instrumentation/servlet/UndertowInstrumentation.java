package io.weir.instrumentation.servlet;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.HookId;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.matcher.ElementMatchers;
import org.jspecify.annotations.Nullable;

/**
 * Undertow's step from its own handlers into filters and servlet. It says nothing about javax or
 * jakarta, so one hook serves both.
 */
final class UndertowInstrumentation implements TypeInstrumentation, WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"io.undertow.servlet.handlers.ServletDispatchingHandler"}; // since 1.0
  }

  @Override
  public ElementMatcher<TypeDescription> typeMatcher() {
    return ElementMatchers.namedOneOf(typeNames());
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
      return Bridge.enter(HookId.SERVLET_UNDERTOW, origin, self, exchange, null);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Enter @Nullable Object state,
        @Advice.Thrown @Nullable Throwable thrown) {
      Bridge.leave(HookId.SERVLET_UNDERTOW, origin, state, self, null, thrown);
    }
  }
}
