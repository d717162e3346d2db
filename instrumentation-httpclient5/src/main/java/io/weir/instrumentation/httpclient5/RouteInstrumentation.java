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
 * Where a route is used: as the plan of an exchange, which for a retargeted call has no proxy, and
 * as the key and the address of a connection, which are those of the chosen instance.
 */
final class RouteInstrumentation implements WovenTypes {
  private static final String HTTP_ROUTE = HttpClient5Module.CLIENT + "HttpRoute";

  @Override
  public String[] typeNames() {
    return new String[] {
      HttpClient5Module.CLIENT + "classic.ExecChain$Scope", // 5.0
      HttpClient5Module.CLIENT + "async.AsyncExecChain$Scope", // 5.0; another constructor from 5.1
      HttpClient5Module.CLIENT + "impl.classic.InternalExecRuntime", // 5.0
      HttpClient5Module.CLIENT + "impl.async.InternalHttpAsyncExecRuntime", // 5.0
      HttpClient5Module.CLIENT + "impl.async.InternalH2AsyncExecRuntime", // 5.0
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

    /** Null changes nothing. */
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

    /** Null changes nothing. */
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
