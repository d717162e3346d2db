package io.weir.instrumentation.urlconnection;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the methods of a connection by which a call begins, and {@code disconnect}. All others
 * that need an answer, such as {@code getResponseCode} and {@code getHeaderField}, call {@code
 * getInputStream}.
 *
 * <p>An https connection delegates to an object whose class extends that of http connections. Only
 * {@code connect} is another there.
 */
final class CallInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      UrlConnectionModule.CONNECTION,
      "sun.net.www.protocol.https.AbstractDelegateHttpsURLConnection",
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    String name = getClass().getName();
    transformer.applyAdviceToMethod(
        named("connect").and(takesNoArguments()), name + "$ConnectAdvice");
    transformer.applyAdviceToMethod(
        named("getOutputStream").and(takesNoArguments()), name + "$OutputAdvice");
    transformer.applyAdviceToMethod(
        named("getInputStream").and(takesNoArguments()), name + "$InputAdvice");
    transformer.applyAdviceToMethod(
        named("disconnect").and(takesNoArguments()), name + "$DisconnectAdvice");
  }

  @SuppressWarnings("unused")
  static final class ConnectAdvice {
    private ConnectAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(@Advice.Origin Class<?> origin, @Advice.This Object connection) {
      return Bridge.enter(
          Bridge.hook(UrlConnectionModule.CALL), origin, connection, "connect", null, null);
    }

    @Advice.OnMethodExit
    static void exit(@Advice.Enter @Nullable Object state) {
      Bridge.instead(state, null);
    }
  }

  @SuppressWarnings("unused")
  static final class OutputAdvice {
    private OutputAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(@Advice.Origin Class<?> origin, @Advice.This Object connection) {
      return Bridge.enter(
          Bridge.hook(UrlConnectionModule.CALL), origin, connection, "output", null, null);
    }

    @Advice.OnMethodExit
    @Advice.AssignReturned.ToReturned(typing = Assigner.Typing.DYNAMIC)
    static @Nullable Object exit(
        @Advice.Enter @Nullable Object state,
        @Advice.Return(typing = Assigner.Typing.DYNAMIC) Object stream) {
      return Bridge.instead(state, stream);
    }
  }

  @SuppressWarnings("unused")
  static final class InputAdvice {
    private InputAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(@Advice.Origin Class<?> origin, @Advice.This Object connection) {
      return Bridge.enter(
          Bridge.hook(UrlConnectionModule.CALL), origin, connection, "input", null, null);
    }

    @Advice.OnMethodExit
    @Advice.AssignReturned.ToReturned(typing = Assigner.Typing.DYNAMIC)
    static @Nullable Object exit(
        @Advice.Enter @Nullable Object state,
        @Advice.Return(typing = Assigner.Typing.DYNAMIC) Object stream) {
      return Bridge.instead(state, stream);
    }
  }

  @SuppressWarnings("unused")
  static final class DisconnectAdvice {
    private DisconnectAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin Class<?> origin, @Advice.This Object connection) {
      Bridge.enter(
          Bridge.hook(UrlConnectionModule.CALL), origin, connection, "disconnect", null, null);
    }
  }
}
