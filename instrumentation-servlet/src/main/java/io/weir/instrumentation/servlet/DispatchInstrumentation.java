package io.weir.instrumentation.servlet;

import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.matcher.ElementMatchers;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the methods by which containers pass (request, response) to filters and servlets. A
 * request goes through several of them. The first one governs it and marks it with an attribute;
 * the others find the mark and do not decide again. Jetty 9.4 to 11, ee8 and ee9 without filters:
 * {@link JettyHolderInstrumentation}. Undertow: {@link UndertowInstrumentation}.
 */
final class DispatchInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "org.apache.catalina.core.ApplicationFilterChain", // Tomcat, also without any filter
      "org.eclipse.jetty.servlet.ServletHandler$CachedChain", // Jetty 9.4 before 9.4.24
      "org.eclipse.jetty.servlet.ServletHandler$Chain", // Jetty 9.4 to 11, with filters
      "org.eclipse.jetty.ee8.servlet.ServletHandler$Chain", // Jetty 12
      "org.eclipse.jetty.ee9.servlet.ServletHandler$Chain",
      "org.eclipse.jetty.ee10.servlet.ServletHandler$Chain",
      "org.eclipse.jetty.ee11.servlet.ServletHandler$Chain", // Jetty 12.1
      "org.eclipse.jetty.ee10.servlet.ServletHolder", // Jetty 12, without filters
      "org.eclipse.jetty.ee11.servlet.ServletHolder",
      "javax.servlet.http.HttpServlet", // any other container, after its filters have run
      "jakarta.servlet.http.HttpServlet",
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        dispatch("javax.servlet."), getClass().getName() + "$JavaxAdvice");
    transformer.applyAdviceToMethod(
        dispatch("jakarta.servlet."), getClass().getName() + "$JakartaAdvice");
  }

  private static ElementMatcher<MethodDescription> dispatch(String api) {
    return ElementMatchers.<MethodDescription>isPublic()
        .and(namedOneOf("doFilter", "handle", "service"))
        .and(takesArguments(2))
        .and(takesArgument(0, ElementMatchers.named(api + "ServletRequest")))
        .and(takesArgument(1, ElementMatchers.named(api + "ServletResponse")));
  }

  static final class JavaxAdvice {
    private JavaxAdvice() {}

    @Advice.OnMethodEnter(skipOn = Skip.class, suppress = Throwable.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Argument(0) Object request,
        @Advice.Argument(1) Object response) {
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
        @Advice.Argument(0) Object request,
        @Advice.Argument(1) Object response) {
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
