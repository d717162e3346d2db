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
 * Weaves {@code doExecute} of the asynchronous clients, which every overload of {@code execute}
 * calls. The hook replaces arguments before the method runs, and the returned future after it.
 */
final class AsyncInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      // the super class of InternalHttpAsyncClient and InternalH2AsyncClient, since 5.0
      HttpClient5Module.CLIENT + "impl.async.InternalAbstractHttpAsyncClient",
      // the super class of MinimalHttpAsyncClient and MinimalH2AsyncClient, since 5.0
      HttpClient5Module.CLIENT + "impl.async.AbstractMinimalHttpAsyncClientBase",
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("doExecute")
            .and(takesArguments(6))
            .and(takesArgument(1, named("org.apache.hc.core5.http.nio.AsyncRequestProducer"))),
        getClass().getName() + "$ExecuteAdvice");
  }

  @SuppressWarnings("unused")
  static final class ExecuteAdvice {
    private ExecuteAdvice() {}

    /**
     * Returns the array below with its elements replaced; null: no change. {@code value} is the
     * method's parameter, {@code index} the element that it gets.
     */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments({
      @ToArgument(value = 1, index = 1, typing = Assigner.Typing.DYNAMIC),
      @ToArgument(value = 2, index = 2, typing = Assigner.Typing.DYNAMIC),
      @ToArgument(value = 4, index = 3, typing = Assigner.Typing.DYNAMIC),
      @ToArgument(value = 5, index = 4, typing = Assigner.Typing.DYNAMIC)
    })
    static Object @Nullable [] enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object client,
        @Advice.Argument(0) Object target,
        @Advice.Argument(1) Object producer,
        @Advice.Argument(2) Object consumer,
        @Advice.Argument(4) Object context,
        @Advice.Argument(5) Object callback) {
      // the last element is for the hook's own use, until exit
      Object[] arguments = {target, producer, consumer, context, callback, null};
      return (Object[])
          Bridge.enter(Bridge.hook(HttpClient5Module.ASYNC), origin, client, arguments, null, null);
    }

    /** Returns the future for the application. */
    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Assigner.Typing.DYNAMIC)
    static @Nullable Object exit(
        @Advice.Origin Class<?> origin,
        @Advice.This Object client,
        @Advice.Enter Object @Nullable [] state,
        @Advice.Return(typing = Assigner.Typing.DYNAMIC) Object future) {
      return Bridge.leave(
          Bridge.hook(HttpClient5Module.ASYNC), origin, state, client, future, null);
    }
  }
}
