package io.weir.instrumentation.okhttp;

import static net.bytebuddy.matcher.ElementMatchers.isConstructor;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/**
 * The constructor of what OkHttp reads an answer's body from: the end of the body is seen there.
 */
final class BodyInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    // 3.14; (Exchange, Source, long), from 5.2 on (Exchange, Source, long, boolean)
    return new String[] {"okhttp3.internal.connection.Exchange$ResponseBodySource"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        isConstructor()
            .and(takesArgument(0, named("okhttp3.internal.connection.Exchange")))
            .and(takesArgument(1, named("okio.Source")))
            .and(takesArgument(2, long.class)),
        getClass().getName() + "$BodyAdvice");
  }

  @SuppressWarnings("unused")
  static final class BodyAdvice {
    private BodyAdvice() {}

    /** Null changes nothing. */
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Assigner.Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Origin Class<?> origin, @Advice.Argument(1) Object source) {
      return Bridge.enter(Bridge.hook(OkHttpModule.BODY), origin, null, source, null, null);
    }
  }
}
