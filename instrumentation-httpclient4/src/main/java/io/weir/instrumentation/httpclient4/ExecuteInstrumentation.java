package io.weir.instrumentation.httpclient4;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the one method that every overload of {@code execute} calls. The hook may make the call
 * itself; then the woven method's body is skipped.
 */
final class ExecuteInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      HttpClient4Module.HTTP + "impl.client.InternalHttpClient", // since 4.3
      HttpClient4Module.HTTP + "impl.client.MinimalHttpClient", // since 4.3
      HttpClient4Module.HTTP + "impl.client.AbstractHttpClient", // since 4.0
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        namedOneOf("doExecute", "execute") // execute: AbstractHttpClient before 4.3
            .and(takesArguments(3))
            .and(takesArgument(0, named(HttpClient4Module.HTTP + "HttpHost")))
            .and(takesArgument(1, named(HttpClient4Module.HTTP + "HttpRequest")))
            .and(takesArgument(2, named(HttpClient4Module.HTTP + "protocol.HttpContext"))),
        getClass().getName() + "$ExecuteAdvice");
  }

  @SuppressWarnings("unused")
  static final class ExecuteAdvice {
    private ExecuteAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class, skipOn = Skip.class)
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object client,
        @Advice.Argument(0) Object target,
        @Advice.Argument(1) Object request,
        @Advice.Argument(2) Object context) {
      return Bridge.enter(
          Bridge.hook(HttpClient4Module.EXECUTE), origin, client, target, request, context);
    }

    /**
     * If the hook made the call, returns its response or throws its exception. So this advice has
     * no {@code suppress}.
     */
    @Advice.OnMethodExit
    @Advice.AssignReturned.ToReturned(typing = Assigner.Typing.DYNAMIC)
    static @Nullable Object exit(
        @Advice.Enter @Nullable Object state,
        @Advice.Return(typing = Assigner.Typing.DYNAMIC) Object response) {
      return Bridge.instead(state, response);
    }
  }
}
