package io.weir.control.testing;

import io.weir.control.loop.Loop;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;

/**
 * A {@link Loop} on a virtual clock that runs only when it is told to. Single-threaded: the test is
 * the loop. What a task throws reaches the test, unless {@link #survives} was said.
 */
public final class FakeLoop implements Loop {
  private final class Task implements Timer, Comparable<Task> {
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

  private final class Link implements Chain {
    private final long patience;
    private final Runnable step;
    private Task due;
    private boolean said;

    Link(long patience, Runnable step) {
      this.patience = patience;
      this.step = step;
    }

    @Override
    public void in(long delayNanos) {
      cancel();
      due = (Task) schedule(this::run, delayNanos);
    }

    @Override
    public void cancel() {
      said = true;
      if (due != null) {
        due.cancel();
      }
    }

    private void run() {
      said = false;
      long next = Math.min(patience, AGAIN_NANOS);
      try {
        step.run();
        next = patience;
      } finally {
        if (!said) {
          in(next);
        }
      }
    }
  }

  private final PriorityQueue<Task> queue = new PriorityQueue<>();
  private final List<Throwable> thrown = new ArrayList<>();
  private boolean survives;
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
  public Chain chain(String name, long patienceNanos, Runnable step) {
    return new Link(patienceNanos, step);
  }

  @Override
  public long now() {
    return now;
  }

  /** From now on it goes on as the real one does, whatever a task throws. */
  public FakeLoop survives() {
    survives = true;
    return this;
  }

  /** What tasks threw since {@link #survives}. */
  public List<Throwable> thrown() {
    return thrown;
  }

  /** Tasks still to come. */
  public long pending() {
    return queue.stream().filter(t -> !t.cancelled).count();
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
        run(t);
      }
    }
    now = end;
  }

  private void run(Task t) {
    try {
      t.body.run();
    } catch (Throwable e) {
      if (!survives) {
        throw e;
      }
      thrown.add(e);
    }
  }
}
