package io.weir.instrumentation.executors;

import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Colour;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;

/**
 * Weaves the methods that start periodic tasks. Such a task gets no traffic {@link Colour}: it
 * outlives the request that happened to start it, and its later runs are not work of that request.
 * So these methods run without a colour, and {@link PoolInstrumentation}, which passes the colour
 * to tasks, finds none.
 */
final class SchedulerInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {"java.util.concurrent.ScheduledThreadPoolExecutor"};
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        namedOneOf("scheduleAtFixedRate", "scheduleWithFixedDelay"),
        getClass().getName() + "$RepeatedAdvice");
  }

  static final class RepeatedAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static Colour enter() {
      return Colour.swap(Colour.NONE);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(@Advice.Enter Colour before) {
      Colour.swap(before);
    }
  }
}
