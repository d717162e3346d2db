package io.weir.control.loop;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The {@link Loop} of the agent: one daemon thread, which the first task starts and no exception
 * ends. Not an executor of the JDK: those allocate for each wait and each run of a periodic task,
 * and an OutOfMemoryError at that moment ends the task or the thread.
 */
public final class LoopThread implements Loop, AutoCloseable {
  private static final long FARTHEST_NANOS = TimeUnit.DAYS.toNanos(365);
  private static final long LOG_EVERY_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final int MAX_LOGGED = 200;

  private final String name;
  private final Log log;
  private final Object lock = new Object();

  // guarded by lock
  private Task[] heap = new Task[64]; // a binary heap, the next task first
  private int size;
  private long nextSequence;
  private boolean closed;
  private @Nullable Thread thread;

  /** When a failure of each task was last logged, by the task's name. Loop only. */
  private final Map<String, Long> logged = new HashMap<String, Long>();

  private final AtomicLong failures = new AtomicLong();

  /**
   * @param name the thread's name, {@code weir-control} in the agent
   */
  public LoopThread(String name, Log log) {
    this.name = name;
    this.log = log;
  }

  /** One thing to run, once or as a chain. */
  private final class Task implements Chain {
    final Runnable body;

    /** The chain's name; null: the task runs once. */
    final @Nullable String chain;

    final long patience;

    // guarded by lock

    /** When it is due, and its order among tasks that are due at the same time. */
    long at;

    long sequence;

    /** Its index in the heap; -1: it is not there. */
    int index = -1;

    /** Whether {@link #in} or {@link #cancel} was called since the step began. */
    boolean rescheduled;

    Task(Runnable body, @Nullable String chain, long patience) {
      this.body = body;
      this.chain = chain;
      this.patience = patience;
    }

    @Override
    public void in(long delayNanos) {
      synchronized (lock) {
        rescheduled = true;
        put(this, delayNanos);
      }
    }

    @Override
    public void cancel() {
      synchronized (lock) {
        rescheduled = true;
        remove(this);
      }
    }

    boolean before(Task other) {
      return at != other.at ? at - other.at < 0 : sequence < other.sequence;
    }

    void run() {
      Throwable thrown = null;
      try {
        body.run();
      } catch (Throwable t) {
        thrown = t;
      }
      if (chain != null) {
        synchronized (lock) {
          if (!rescheduled) {
            put(this, thrown == null ? patience : Math.min(patience, AGAIN_NANOS));
          }
        }
      }
      if (thrown != null) {
        failed(this, thrown);
      }
    }
  }

  @Override
  public void execute(Runnable task) {
    schedule(task, 0);
  }

  @Override
  public Timer schedule(Runnable task, long delayNanos) {
    Task t = new Task(task, null, 0);
    synchronized (lock) {
      put(t, delayNanos);
    }
    return t;
  }

  @Override
  public Chain chain(String name, long patienceNanos, Runnable step) {
    return new Task(step, name, patienceNanos);
  }

  @Override
  public long now() {
    return System.nanoTime();
  }

  /** How many tasks and steps threw. Any thread. */
  public long failures() {
    return failures.get();
  }

  /** Runs the tasks that are due now, for {@code waitNanos} at most, and drops the others. */
  public void close(long waitNanos) {
    CountDownLatch last = new CountDownLatch(1);
    execute(last::countDown);
    try {
      last.await(waitNanos, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (lock) {
      closed = true;
      Arrays.fill(heap, 0, size, null);
      size = 0;
      if (thread != null) {
        thread.interrupt();
        LockSupport.unpark(thread);
      }
    }
  }

  @Override
  public void close() {
    close(TimeUnit.SECONDS.toNanos(1));
  }

  private void work() {
    while (true) {
      Task next = take();
      if (next == null) {
        return;
      }
      try {
        next.run();
      } catch (Throwable t) {
        // the log of a failure failed; the failure itself was counted
      }
    }
  }

  /** Waits for the next task to be due; null when the loop is closed. */
  private @Nullable Task take() {
    while (true) {
      long wait = FARTHEST_NANOS;
      synchronized (lock) {
        if (closed) {
          return null;
        }
        if (size > 0) {
          Task first = heap[0];
          wait = first.at - now();
          if (wait <= 0) {
            remove(first);
            first.rescheduled = false;
            return first;
          }
        }
      }
      LockSupport.parkNanos(this, wait);
      Thread.interrupted(); // cleared: with the flag set, parkNanos would not wait
    }
  }

  private void failed(Task task, Throwable thrown) {
    failures.incrementAndGet();
    String who = task.chain != null ? task.chain : task.body.getClass().getName();
    Long last = logged.get(who);
    long now = now();
    if (last != null ? now - last < LOG_EVERY_NANOS : logged.size() >= MAX_LOGGED) {
      return;
    }
    logged.put(who, now);
    StackTraceElement[] stack = thrown.getStackTrace();
    log.warn(
        "weir: "
            + (task.chain != null ? "'" + task.chain + "' failed and goes on: " : "a task failed: ")
            + thrown
            + (stack.length == 0 ? "" : " at " + stack[0])
            + " (told once a minute; failures so far: "
            + failures
            + ")");
  }

  // ---- the heap, under the lock

  private void put(Task t, long delayNanos) {
    if (closed) {
      return;
    }
    remove(t);
    ensureCapacity();
    t.at = now() + Math.max(0, Math.min(delayNanos, FARTHEST_NANOS));
    t.sequence = nextSequence++;
    t.index = size;
    heap[size++] = t;
    up(t.index);
    startThread();
    if (heap[0] == t) {
      LockSupport.unpark(thread);
    }
  }

  /**
   * Makes room for one task and one more: the chain that is running now must always find a place,
   * even when there is no memory for a larger array.
   */
  private void ensureCapacity() {
    if (size + 2 > heap.length) {
      try {
        heap = Arrays.copyOf(heap, heap.length * 2);
      } catch (OutOfMemoryError full) {
        if (size == heap.length) {
          throw full;
        }
      }
    }
  }

  private void startThread() {
    if (thread == null) {
      Thread t = Daemon.thread(name, this::work, log);
      try {
        t.start();
        thread = t;
      } catch (OutOfMemoryError noThread) {
        // the next task tries again
      }
    }
  }

  private void remove(Task t) {
    int i = t.index;
    if (i < 0) {
      return;
    }
    t.index = -1;
    if (closed) {
      return;
    }
    Task last = heap[--size];
    heap[size] = null;
    if (last != t) {
      heap[i] = last;
      last.index = i;
      down(i);
      up(last.index);
    }
  }

  private void up(int from) {
    int i = from;
    while (i > 0 && heap[i].before(heap[(i - 1) / 2])) {
      swap(i, (i - 1) / 2);
      i = (i - 1) / 2;
    }
  }

  private void down(int from) {
    int i = from;
    while (true) {
      int least = i;
      for (int child = 2 * i + 1; child <= 2 * i + 2 && child < size; child++) {
        if (heap[child].before(heap[least])) {
          least = child;
        }
      }
      if (least == i) {
        return;
      }
      swap(i, least);
      i = least;
    }
  }

  private void swap(int a, int b) {
    Task t = heap[a];
    heap[a] = heap[b];
    heap[b] = t;
    heap[a].index = a;
    heap[b].index = b;
  }
}
