package io.weir.instrumentation.okhttp;

import static net.bytebuddy.matcher.ElementMatchers.isConstructor;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import java.net.Proxy;
import javax.net.SocketFactory;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * The constructor of {@code Address}, which says where a call connects to and which pooled
 * connections it may share: for a routed call, name service, sockets and proxy are those of the
 * chosen instance.
 */
final class AddressInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"okhttp3.Address"}; // 3.0; the constructor is the same up to 5.5
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        isConstructor()
            .and(takesArguments(12))
            .and(takesArgument(0, String.class))
            .and(takesArgument(1, int.class))
            .and(takesArgument(2, named("okhttp3.Dns")))
            .and(takesArgument(3, SocketFactory.class))
            .and(takesArgument(8, Proxy.class)),
        getClass().getName() + "$AddressAdvice");
  }

  @SuppressWarnings("unused")
  static final class AddressAdvice {
    private AddressAdvice() {}

    /**
     * Returns Dns, socket factory and proxy of a routed call; null for others, which keep theirs.
     */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments({
      @ToArgument(value = 2, index = 0, typing = Assigner.Typing.DYNAMIC),
      @ToArgument(value = 3, index = 1, typing = Assigner.Typing.DYNAMIC),
      @ToArgument(value = 8, index = 2, typing = Assigner.Typing.DYNAMIC)
    })
    static Object @Nullable [] enter(
        @Advice.Origin Class<?> origin,
        @Advice.Argument(0) String host,
        @Advice.Argument(1) int port,
        @Advice.Argument(2) Object dns) {
      return (Object[])
          Bridge.enter(Bridge.hook(OkHttpModule.ADDRESS), origin, null, host, port, dns);
    }
  }
}
