package io.weir.instrumentation.httpclient5;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the places where asynchronous clients take a connection without {@code acquireEndpoint}
 * (for that see {@link RouteInstrumentation}): by host in the minimal client, by host or route in
 * the pool of HTTP/2 connections. A routed call gets a host or route with the address of the chosen
 * instance.
 */
final class AsyncRouteInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      HttpClient5Module.CLIENT + "impl.async.MinimalHttpAsyncClient", // since 5.0
      HttpClient5Module.CLIENT + "impl.async.InternalH2ConnPool", // since 5.2; by route since 5.6
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("leaseEndpoint")
            .and(takesArguments(5))
            .and(takesArgument(0, named("org.apache.hc.core5.http.HttpHost")))
            .and(takesArgument(3, named(HttpClient5Module.CLIENT + "protocol.HttpClientContext"))),
        getClass().getName() + "$LeaseAdvice");
    transformer.applyAdviceToMethod(
        named("getSession").and(takesArguments(3)), getClass().getName() + "$SessionAdvice");
  }

  @SuppressWarnings("unused")
  static final class LeaseAdvice {
    private LeaseAdvice() {}

    /** Returns the host or route to use instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object client,
        @Advice.Argument(0) Object host,
        @Advice.Argument(3) Object context) {
      return Bridge.enter(
          Bridge.hook(HttpClient5Module.ROUTE), origin, client, host, context, null);
    }
  }

  @SuppressWarnings("unused")
  static final class SessionAdvice {
    private SessionAdvice() {}

    /** Returns the host or route to use instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object pool,
        @Advice.Argument(0) Object hostOrRoute) {
      return Bridge.enter(
          Bridge.hook(HttpClient5Module.ROUTE), origin, pool, hostOrRoute, null, null);
    }
  }
}
