package io.weir.instrumentation.executors;

import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.ColouredTask;
import io.weir.instrumentation.WovenTypes;
import java.util.concurrent.Callable;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.implementation.bytecode.assign.Assigner.Typing;
import net.bytebuddy.matcher.ElementMatchers;
import org.jspecify.annotations.Nullable;

/** Weaves the methods by which tasks are submitted to a {@code ForkJoinPool} from outside. */
final class ForkJoinInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"java.util.concurrent.ForkJoinPool"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        namedOneOf("execute", "submit", "schedule")
            .and(
                ElementMatchers.<MethodDescription>takesArgument(0, Runnable.class)
                    .or(takesArgument(0, Callable.class))),
        getClass().getName() + "$FirstArgumentAdvice");
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
