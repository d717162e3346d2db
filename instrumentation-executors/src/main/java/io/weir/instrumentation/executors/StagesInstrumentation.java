package io.weir.instrumentation.executors;

import static net.bytebuddy.matcher.ElementMatchers.nameEndsWith;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.not;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.ColouredTask;
import io.weir.instrumentation.WovenTypes;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.implementation.bytecode.assign.Assigner.Typing;
import net.bytebuddy.matcher.ElementMatcher;
import org.jspecify.annotations.Nullable;

/** Weaves the methods of {@code CompletableFuture} that add a stage. */
final class StagesInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"java.util.concurrent.CompletableFuture"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    // A private method of this name since JDK 8. Before JDK 12 it has no executor argument.
    transformer.applyAdviceToMethod(
        named("uniExceptionallyStage").and(takesArguments(1)), advice("FirstArgument"));
    stages(transformer, 1, "SecondArgument");
    stages(transformer, 2, "ThirdArgument");
  }

  /**
   * Weaves the stage methods whose first argument is the executor and whose last one is the
   * function.
   *
   * @param last index of the last argument
   * @param advice name of the advice for that index; for a BiFunction "OfTwo" is appended
   */
  private void stages(TypeTransformer transformer, int last, String advice) {
    ElementMatcher.Junction<MethodDescription> stage =
        nameEndsWith("Stage").and(takesArguments(last + 1)).and(takesArgument(0, Executor.class));
    ElementMatcher<MethodDescription> ofTwo = takesArgument(last, BiFunction.class);
    transformer.applyAdviceToMethod(stage.and(not(ofTwo)), advice(advice));
    transformer.applyAdviceToMethod(stage.and(ofTwo), advice(advice + "OfTwo"));
  }

  private String advice(String name) {
    return getClass().getName() + "$" + name + "Advice";
  }

  static final class FirstArgumentAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 0, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.of(task);
    }
  }

  static final class SecondArgumentAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 1, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.of(task);
    }
  }

  static final class ThirdArgumentAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 2, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 2, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.of(task);
    }
  }

  static final class SecondArgumentOfTwoAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 1, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.ofTwo(task);
    }
  }

  static final class ThirdArgumentOfTwoAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 2, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 2, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.ofTwo(task);
    }
  }
}
