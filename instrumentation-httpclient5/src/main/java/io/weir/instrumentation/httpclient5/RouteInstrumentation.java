package io.weir.instrumentation.httpclient5;

import static net.bytebuddy.matcher.ElementMatchers.isConstructor;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the places where HttpClient uses its own route ({@code HttpRoute}: the target host and the
 * proxies on the way), but for the pool of HTTP/2 connections ({@link AsyncRouteInstrumentation}).
 * They are two. The execution chain keeps the route as the plan of an exchange: for a call that a
 * rule of Weir routes, it gets one without proxies. And {@code acquireEndpoint} uses the route as
 * the key of pooled connections and as the address: it gets one with the address of the chosen
 * instance.
 */
final class RouteInstrumentation implements WovenTypes {
  private static final String HTTP_ROUTE = HttpClient5Module.CLIENT + "HttpRoute";

  @Override
  public String[] typeNames() {
    return new String[] {
      HttpClient5Module.CLIENT + "classic.ExecChain$Scope", // since 5.0
      // since 5.0, with another constructor since 5.1
      HttpClient5Module.CLIENT + "async.AsyncExecChain$Scope",
      HttpClient5Module.CLIENT + "impl.classic.InternalExecRuntime", // since 5.0
      HttpClient5Module.CLIENT + "impl.async.InternalHttpAsyncExecRuntime", // since 5.0
      HttpClient5Module.CLIENT + "impl.async.InternalH2AsyncExecRuntime", // since 5.0
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        isConstructor()
            .and(takesArgument(1, named(HTTP_ROUTE)))
            .and(takesArgument(4, named(HttpClient5Module.CLIENT + "protocol.HttpClientContext"))),
        getClass().getName() + "$PlanAdvice");
    transformer.applyAdviceToMethod(
        named("acquireEndpoint")
            .and(takesArgument(1, named(HTTP_ROUTE)))
            .and(takesArgument(3, named(HttpClient5Module.CLIENT + "protocol.HttpClientContext"))),
        getClass().getName() + "$ConnectionAdvice");
  }

  @SuppressWarnings("unused")
  static final class PlanAdvice {
    private PlanAdvice() {}

    /** Returns the route to use instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.Argument(1) Object route,
        @Advice.Argument(4) Object context) {
      return Bridge.enter(
          Bridge.hook(HttpClient5Module.ROUTE), origin, null, route, context, "plan");
    }
  }

  @SuppressWarnings("unused")
  static final class ConnectionAdvice {
    private ConnectionAdvice() {}

    /** Returns the route to use instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object runtime,
        @Advice.Argument(1) Object route,
        @Advice.Argument(3) Object context) {
      return Bridge.enter(
          Bridge.hook(HttpClient5Module.ROUTE), origin, runtime, route, context, null);
    }
  }
}
