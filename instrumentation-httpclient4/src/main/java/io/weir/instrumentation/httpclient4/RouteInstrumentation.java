package io.weir.instrumentation.httpclient4;

import static net.bytebuddy.matcher.ElementMatchers.isConstructor;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the places where HttpClient gets and uses its own route ({@code HttpRoute}: the target
 * host and the proxies on the way), so that a call that a rule of Weir routes goes to the chosen
 * instance. {@code adapter.RouteHook} says how.
 */
final class RouteInstrumentation implements WovenTypes {
  private static final String ROUTE = HttpClient4Module.HTTP + "conn.routing.HttpRoute";

  @Override
  public String[] typeNames() {
    return new String[] {
      HttpClient4Module.HTTP + "impl.execchain.ProtocolExec", // since 4.3
      HttpClient4Module.HTTP + "impl.execchain.MinimalClientExec", // since 4.3
      HttpClient4Module.HTTP + "impl.execchain.MainClientExec", // since 4.3
      HttpClient4Module.HTTP + "impl.client.RoutedRequest", // since 4.0
      HttpClient4Module.HTTP + "impl.client.DefaultRequestDirector", // since 4.0
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    String self = getClass().getName();
    // ProtocolExec hands the route on to MainClientExec, which then gets no other one
    transformer.applyAdviceToMethod(
        named("execute").and(takesArguments(4)).and(takesArgument(0, named(ROUTE))),
        self + "$ExecuteAdvice");
    transformer.applyAdviceToMethod(
        isConstructor().and(takesArguments(2)).and(takesArgument(1, named(ROUTE))),
        self + "$RoutedRequestAdvice");
    transformer.applyAdviceToMethod(
        named("createTunnelToTarget").and(takesArgument(0, named(ROUTE))),
        self + "$DirectorTunnelAdvice");
    transformer.applyAdviceToMethod(
        named("createTunnelToTarget").and(takesArgument(2, named(ROUTE))),
        self + "$ExecTunnelAdvice");
  }

  @SuppressWarnings("unused")
  static final class ExecuteAdvice {
    private ExecuteAdvice() {}

    /** Returns the route to use instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object exec,
        @Advice.Argument(0) Object route) {
      return Bridge.enter(Bridge.hook(HttpClient4Module.ROUTE), origin, exec, route, null, null);
    }
  }

  @SuppressWarnings("unused")
  static final class RoutedRequestAdvice {
    private RoutedRequestAdvice() {}

    /** Returns the route to use instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin, @Advice.Argument(1) Object route) {
      return Bridge.enter(Bridge.hook(HttpClient4Module.ROUTE), origin, null, route, null, null);
    }
  }

  @SuppressWarnings("unused")
  static final class DirectorTunnelAdvice {
    private DirectorTunnelAdvice() {}

    /** Returns a {@link Skip} if there is no tunnel to make: the method returns false. */
    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object director,
        @Advice.Argument(0) Object route,
        @Advice.Argument(1) Object context) {
      return Bridge.enter(
          Bridge.hook(HttpClient4Module.ROUTE), origin, director, route, context, null);
    }
  }

  @SuppressWarnings("unused")
  static final class ExecTunnelAdvice {
    private ExecTunnelAdvice() {}

    /** As {@link DirectorTunnelAdvice}, since 4.3. */
    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object exec,
        @Advice.Argument(1) Object connection,
        @Advice.Argument(2) Object route,
        @Advice.Argument(4) Object context) {
      return Bridge.enter(
          Bridge.hook(HttpClient4Module.ROUTE), origin, exec, route, context, connection);
    }
  }
}
