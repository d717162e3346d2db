package io.weir.instrumentation.executors;

import static net.bytebuddy.matcher.ElementMatchers.isConstructor;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.ColouredTask;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.implementation.bytecode.assign.Assigner.Typing;
import org.jspecify.annotations.Nullable;

/**
 * Weaves the constructors of {@code FutureTask}, which holds the task of {@code submit}, {@code
 * invokeAll}, {@code schedule}, and of completion services.
 */
final class FutureTaskInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"java.util.concurrent.FutureTask"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(isConstructor(), getClass().getName() + "$FirstArgumentAdvice");
  }

  static final class FirstArgumentAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 0, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.of(task);
    }
  }
}
