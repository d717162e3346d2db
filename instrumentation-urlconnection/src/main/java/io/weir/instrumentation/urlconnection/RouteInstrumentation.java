package io.weir.instrumentation.urlconnection;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import java.net.URL;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the places where the JDK connects, and where it keeps connections for the next call. A
 * routed call connects to the chosen instance there, and its connections are kept apart.
 */
final class RouteInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"sun.net.NetworkClient", "sun.net.www.http.KeepAliveCache"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    String name = getClass().getName();
    transformer.applyAdviceToMethod(
        named("doConnect").and(takesArguments(2)).and(takesArgument(0, String.class)),
        name + "$SocketAdvice");
    transformer.applyAdviceToMethod(
        named("get").and(takesArguments(2)).and(takesArgument(0, URL.class)), name + "$TakeAdvice");
    transformer.applyAdviceToMethod(
        named("put").and(takesArguments(3)).and(takesArgument(0, URL.class)), name + "$KeepAdvice");
  }

  @SuppressWarnings("unused")
  static final class SocketAdvice {
    private SocketAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object client,
        @Advice.Argument(0) Object server,
        @Advice.Argument(1) int port) {
      return Bridge.enter(
          Bridge.hook(UrlConnectionModule.ROUTE), origin, client, server, port, "connect");
    }

    @Advice.OnMethodExit
    @Advice.AssignReturned.ToReturned(typing = Assigner.Typing.DYNAMIC)
    static @Nullable Object exit(
        @Advice.Enter @Nullable Object state,
        @Advice.Return(typing = Assigner.Typing.DYNAMIC) Object socket) {
      return Bridge.instead(state, socket);
    }
  }

  @SuppressWarnings("unused")
  static final class TakeAdvice {
    private TakeAdvice() {}

    /** Returns the URL to look under instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin, @Advice.This Object cache, @Advice.Argument(0) Object url) {
      return Bridge.enter(Bridge.hook(UrlConnectionModule.ROUTE), origin, cache, url, null, "take");
    }
  }

  @SuppressWarnings("unused")
  static final class KeepAdvice {
    private KeepAdvice() {}

    /** Returns the URL to keep the client under instead; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object cache,
        @Advice.Argument(0) Object url,
        @Advice.Argument(2) Object client) {
      return Bridge.enter(
          Bridge.hook(UrlConnectionModule.ROUTE), origin, cache, url, client, "keep");
    }
  }
}
