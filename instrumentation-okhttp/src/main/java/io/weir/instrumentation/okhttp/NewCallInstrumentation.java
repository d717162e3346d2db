package io.weir.instrumentation.okhttp;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/** {@code OkHttpClient.newCall(Request)}: the call is made by a derived client instead. */
final class NewCallInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"okhttp3.OkHttpClient"}; // 3.0
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("newCall").and(takesArguments(1)).and(takesArgument(0, named("okhttp3.Request"))),
        getClass().getName() + "$NewCallAdvice");
  }

  @SuppressWarnings("unused")
  static final class NewCallAdvice {
    private NewCallAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object client,
        @Advice.Argument(0) Object request) {
      return Bridge.enter(Bridge.hook(OkHttpModule.NEW_CALL), origin, client, request, null, null);
    }

    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Assigner.Typing.DYNAMIC)
    static @Nullable Object exit(
        @Advice.Enter @Nullable Object state,
        @Advice.Return(typing = Assigner.Typing.DYNAMIC) Object call) {
      return Bridge.instead(state, call);
    }
  }
}
