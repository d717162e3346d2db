package io.weir.instrumentation.executors;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.ColouredTask;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner.Typing;
import org.jspecify.annotations.Nullable;

/** Weaves the method that creates every virtual thread (since JDK 21). */
final class VirtualThreadInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"java.lang.ThreadBuilders"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("newVirtualThread").and(takesArguments(4)).and(takesArgument(3, Runnable.class)),
        getClass().getName() + "$FourthArgumentAdvice");
  }

  static final class FourthArgumentAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 3, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 3, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.always(task);
    }
  }
}
