package io.weir.instrumentation.executors;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.TaskColours;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import org.jspecify.annotations.Nullable;

/**
 * Weaves {@code ThreadPoolExecutor}. Its tasks stay the same objects; their colours are stored in
 * {@link TaskColours}.
 */
final class PoolInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"java.util.concurrent.ThreadPoolExecutor"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("execute").and(takesArguments(1)), getClass().getName() + "$GivenAdvice");
    transformer.applyAdviceToMethod(
        named("reject").and(takesArguments(1)), getClass().getName() + "$RejectedAdvice");
    transformer.applyAdviceToMethod(
        named("getTask").and(takesArguments(0)), getClass().getName() + "$TakenAdvice");
    transformer.applyAdviceToMethod(
        named("beforeExecute").and(takesArguments(2)), getClass().getName() + "$BeforeAdvice");
  }

  static final class GivenAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Argument(0) Object task) {
      TaskColours.given(task);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(@Advice.Argument(0) Object task, @Advice.Thrown @Nullable Throwable thrown) {
      TaskColours.executed(task, thrown);
    }
  }

  static final class RejectedAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(
        @Advice.FieldValue("handler") Object handler, @Advice.Argument(0) Object task) {
      TaskColours.rejected(handler, task);
    }
  }

  static final class TakenAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {
      TaskColours.workerIsIdle();
    }

    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Return @Nullable Object task) {
      TaskColours.taken(task);
    }
  }

  static final class BeforeAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Argument(1) Object task) {
      TaskColours.aboutToRun(task);
    }
  }
}
