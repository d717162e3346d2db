package io.weir.control.testing;

import io.weir.control.loop.Loop;
import java.util.PriorityQueue;

/**
 * A {@link Loop} on a virtual clock that runs only when it is told to. Single-threaded: the test is
 * the loop.
 */
public final class FakeLoop implements Loop {
  private static final class Task implements Timer, Comparable<Task> {
    final Runnable body;
    final long at;
    final long order;
    boolean cancelled;

    Task(Runnable body, long at, long order) {
      this.body = body;
      this.at = at;
      this.order = order;
    }

    @Override
    public void cancel() {
      cancelled = true;
    }

    @Override
    public int compareTo(Task o) {
      return at != o.at ? Long.compare(at, o.at) : Long.compare(order, o.order);
    }
  }

  private final PriorityQueue<Task> queue = new PriorityQueue<>();
  private long now;
  private long order;

  @Override
  public void execute(Runnable task) {
    schedule(task, 0);
  }

  @Override
  public Timer schedule(Runnable task, long delayNanos) {
    Task t = new Task(task, now + delayNanos, order++);
    queue.add(t);
    return t;
  }

  @Override
  public long now() {
    return now;
  }

  /** Runs what is due now, and what that makes due. */
  public void run() {
    advance(0);
  }

  /** Lets time pass, running each task at its time. */
  public void advance(long nanos) {
    long end = now + nanos;
    while (!queue.isEmpty() && queue.peek().at <= end) {
      Task t = queue.poll();
      now = Math.max(now, t.at);
      if (!t.cancelled) {
        t.body.run();
      }
    }
    now = end;
  }
}
