package io.weir.instrumentation.executors;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.TaskColours;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import org.jspecify.annotations.Nullable;

/** Weaves a worker of {@code ThreadPoolExecutor}, for its first task and for its end. */
final class WorkerInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"java.util.concurrent.ThreadPoolExecutor$Worker"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("run").and(takesArguments(0)), getClass().getName() + "$WorkerAdvice");
  }

  static final class WorkerAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.FieldValue("firstTask") @Nullable Object task) {
      TaskColours.workerBegins(task);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit() {
      TaskColours.workerIsIdle();
    }
  }
}
