package org.example.parley.weir;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;

/** {@code ParleyClient.exchange(Request)}: every call passes here, its address known. */
final class ClientInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"org.example.parley.ParleyClient"}; // 1.0
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("exchange")
            .and(takesArguments(1))
            .and(takesArgument(0, named("org.example.parley.Request"))),
        getClass().getName() + "$CallAdvice");
  }

  @SuppressWarnings("unused")
  static final class CallAdvice {
    private CallAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object client,
        @Advice.Argument(0) Object request) {
      return Bridge.enter(Bridge.hook(ParleyModule.CALL), origin, client, request, null, null);
    }

    @Advice.OnMethodExit(suppress = Throwable.class, onThrowable = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Assigner.Typing.DYNAMIC)
    static Object exit(
        @Advice.Origin Class<?> origin,
        @Advice.This Object client,
        @Advice.Enter Object state,
        @Advice.Return(typing = Assigner.Typing.DYNAMIC) Object reply,
        @Advice.Thrown Throwable thrown) {
      return Bridge.leave(Bridge.hook(ParleyModule.CALL), origin, state, client, reply, thrown);
    }
  }
}
