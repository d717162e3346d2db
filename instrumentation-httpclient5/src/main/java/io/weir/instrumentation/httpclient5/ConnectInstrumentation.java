package io.weir.instrumentation.httpclient5;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import java.net.SocketAddress;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the place where the asynchronous HTTP/2 client connects. A routed call has a host that
 * holds the address of the chosen instance ({@link AsyncRouteInstrumentation}). The HTTP/2 client
 * would ignore that address and resolve the name, so it is given the address here.
 */
final class ConnectInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      HttpClient5Module.CLIENT + "impl.nio.MultihomeConnectionInitiator", // since 5.0
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("connect")
            .and(takesArguments(6))
            .and(takesArgument(0, named("org.apache.hc.core5.net.NamedEndpoint")))
            .and(takesArgument(1, SocketAddress.class)),
        getClass().getName() + "$ConnectAdvice");
  }

  @SuppressWarnings("unused")
  static final class ConnectAdvice {
    private ConnectAdvice() {}

    /** Returns the address to connect to; null: no change. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object initiator,
        @Advice.Argument(0) Object endpoint,
        @Advice.Argument(1) Object address) {
      return Bridge.enter(
          Bridge.hook(HttpClient5Module.ROUTE), origin, initiator, endpoint, address, "connect");
    }
  }
}
