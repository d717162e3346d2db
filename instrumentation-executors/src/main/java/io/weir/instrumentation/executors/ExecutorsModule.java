package io.weir.instrumentation.executors;

import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.List;

/**
 * Makes the traffic colour follow a task from the thread that submits it to the thread that runs
 * it, by weaving the JDK's executors. Governs no calls.
 *
 * <p><b>Where.</b> Where an application can see its tasks, they must stay the same objects. {@code
 * ThreadPoolExecutor} shows tasks to comparators, hooks and handlers. So their colours are stored
 * in a table ({@link io.weir.bootstrap.TaskColours}), from {@code execute} until {@code getTask} or
 * the start of a worker. {@code beforeExecute} is woven for threads that were already waiting in
 * {@code getTask} when it was woven. All other executors keep the task in a private field. There it
 * is replaced by a wrapper with the colour of the submitting thread ({@link
 * io.weir.bootstrap.ColouredTask}). These are {@code FutureTask} (so {@code submit}, {@code
 * invokeAll}, {@code schedule}, completion services), {@code ForkJoinPool}, the stages of {@code
 * CompletableFuture}, and every virtual thread. Periodic tasks ({@code scheduleAtFixedRate})
 * outlive the request that started them and get no colour. Not woven: {@code new Thread}, because
 * the thread may become a worker for any request, and {@code ForkJoinTask.fork} (parallel streams).
 *
 * <p><b>When.</b> Not before a routing rule, a canary or a rule that uses a tag makes colours
 * matter: until then the JDK's code runs unchanged. If the JVM refuses the change, colours do not
 * cross threads.
 */
public final class ExecutorsModule extends WeirModule {
  public ExecutorsModule() {
    super("executors");
  }

  @Override
  public String[] hooks() {
    return new String[0]; // the advice calls TaskColours and ColouredTask, which need no adapter
  }

  @Override
  public boolean waitsForColours() {
    return true;
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Arrays.asList(
        new FutureTaskInstrumentation(),
        new PoolInstrumentation(),
        new WorkerInstrumentation(),
        new SchedulerInstrumentation(),
        new ForkJoinInstrumentation(),
        new StagesInstrumentation(),
        new VirtualThreadInstrumentation());
  }
}
