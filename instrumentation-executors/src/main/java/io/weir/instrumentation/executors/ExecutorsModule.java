package io.weir.instrumentation.executors;

import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.List;

/**
 * Lets the traffic colour follow work from thread to thread, by weaving the places of the JDK where
 * work is handed over. Governs no calls.
 *
 * <p><b>Where.</b> An application sees its own objects wherever it can see them. {@code
 * ThreadPoolExecutor} shows its tasks to comparators, hooks and handlers, so they stay what they
 * are, and their colour is kept beside them ({@link io.weir.bootstrap.TaskColours}): from {@code
 * execute} until {@code getTask} or the start of a worker. {@code beforeExecute} is woven for the
 * threads that wait in {@code getTask} when that is woven. All other places keep the task in a
 * private field that nobody sees; there it is replaced by one that has the colour of the thread it
 * comes from ({@link io.weir.bootstrap.ColouredTask}): {@code FutureTask} (so {@code submit},
 * {@code invokeAll}, {@code schedule}, completion services), {@code ForkJoinPool}, the stages of
 * {@code CompletableFuture}, and every virtual thread. Tasks that repeat ({@code
 * scheduleAtFixedRate}) outlive the request that started them and take no colour. Not followed:
 * {@code new Thread}, whose thread may be anybody's worker, and {@code ForkJoinTask.fork} (parallel
 * streams).
 *
 * <p><b>When.</b> Not before a routing rule or a canary makes colours matter; an application
 * without them runs the JDK's own code. A JVM that refuses keeps its own code, and colours then end
 * at the thread.
 */
public final class ExecutorsModule extends WeirModule {
  public ExecutorsModule() {
    super("executors");
  }

  @Override
  public String[] hooks() {
    return new String[0]; // advice asks TaskColours and ColouredTask themselves
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
