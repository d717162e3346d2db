package io.weir.instrumentation.servlet;

import static net.bytebuddy.matcher.ElementMatchers.nameEndsWith;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.returns;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/** Weaves the methods by which Jetty begins an asynchronous dispatch, for paced requests. */
final class JettyReturnInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "org.eclipse.jetty.server.Server", // handleAsync: Jetty 9.0 to 11
      "org.eclipse.jetty.ee8.nested.ContextHandler", // Jetty 12
      "org.eclipse.jetty.ee9.nested.ContextHandler",
      "org.eclipse.jetty.ee10.servlet.ServletChannelState", // handling, unhandle: Jetty 12
      "org.eclipse.jetty.ee11.servlet.ServletChannelState", // Jetty 12.1
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("handleAsync")
            .and(takesArguments(1))
            .and(takesArgument(0, nameEndsWith(".HttpChannel"))),
        getClass().getName() + "$HandleAdvice");
    transformer.applyAdviceToMethod(
        namedOneOf("handling", "unhandle")
            .and(takesArguments(0))
            .and(returns(nameEndsWith(".ServletChannelState$Action"))),
        getClass().getName() + "$ActionAdvice");
  }

  static final class HandleAdvice {
    private HandleAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Argument(0) Object channel) {
      Bridge.enter(Bridge.hook(ServletModule.JETTY_RETURN), origin, self, channel, null, null);
    }
  }

  static final class ActionAdvice {
    private ActionAdvice() {}

    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Assigner.Typing.DYNAMIC)
    static @Nullable Object exit(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.Return(typing = Assigner.Typing.DYNAMIC) @Nullable Object action) {
      return Bridge.exit(Bridge.hook(ServletModule.JETTY_RETURN), origin, null, self, action, null);
    }
  }
}
