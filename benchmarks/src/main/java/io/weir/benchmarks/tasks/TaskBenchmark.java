package io.weir.benchmarks.tasks;

import io.weir.bootstrap.Colour;
import io.weir.bootstrap.ColouredTask;
import io.weir.bootstrap.TaskColours;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * What the traffic colour adds to a new task of {@code ThreadPoolExecutor.execute}, from the thread
 * that hands it over to the one that runs it, here the same: as the woven methods call it. {@code
 * wrapped} is how it was done before, and is today where nobody can see the task.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class TaskBenchmark {
  private final Colour red = Colour.of("c", "red");
  private long ran;

  private final class Task implements Runnable {
    @Override
    public void run() {
      ran++;
    }
  }

  /** The task alone. */
  @Benchmark
  public long floor() {
    new Task().run();
    return ran;
  }

  /** Its colour in a wrapper around it. */
  @Benchmark
  public long wrapped() {
    Colour before = Colour.swap(red);
    Object task = ColouredTask.of(new Task());
    Colour.swap(before);
    ((Runnable) task).run();
    return ran;
  }

  /** Its colour beside it. */
  @Benchmark
  public long beside() {
    Colour before = Colour.swap(red);
    Task task = new Task();
    hand(task);
    Colour.swap(before);
    run(task);
    return ran;
  }

  /** Without colour, where colours are in use. */
  @Benchmark
  public long without() {
    Task task = new Task();
    hand(task);
    run(task);
    return ran;
  }

  private static void hand(Task task) {
    TaskColours.given(task);
    TaskColours.executed(task, null);
  }

  private static void run(Task task) {
    TaskColours.workerIsIdle();
    TaskColours.taken(task);
    TaskColours.aboutToRun(task);
    task.run();
    TaskColours.workerIsIdle();
  }
}
