package io.weir.bootstrap;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The traffic colour of tasks that were given to a {@code ThreadPoolExecutor} and have not begun.
 *
 * <p><b>Why beside the task.</b> An application sees its tasks again: in the queue and its
 * comparator, in {@code beforeExecute} and {@code afterExecute}, in a rejection handler, from
 * {@code remove} and {@code shutdownNow}. So a task is never replaced. Its colour is kept in a
 * table by the task's identity, from {@code execute} until a worker takes the task out of the
 * queue.
 *
 * <p><b>How.</b> The table is a fixed array of immutable chains, changed by compare-and-set. It
 * holds tasks weakly, for some never run (removed, discarded, {@code shutdownNow}), and at most
 * {@link #MOST} of them; a task beyond that loses its colour. The worker's thread has the task's
 * colour from the moment it takes the task until it asks for the next.
 *
 * <p><b>One object twice.</b> Nobody can tell which of two submissions of one object a worker has
 * got. When their colours differ, or one has none, all of them run without colour. Submissions
 * without colour are known by their identity hash alone, in a second array of fixed size, so that
 * they cost no allocation; with more than some thousand of them waiting at once the oldest are
 * forgotten. {@link #lost} counts the tasks that ran without the colour they were given.
 *
 * <p>Any thread; no lock, and nothing is done before the first task with a colour. No method
 * throws.
 */
public final class TaskColours {
  /** Most tasks with a colour that wait at once. */
  static final int MOST = 1 << 16;

  private static final int BUCKETS = 1 << 14;
  private static final int PLAIN = 1 << 13;
  private static final int PROBES = 4;

  private static final AtomicReferenceArray<@Nullable Entry> TABLE =
      new AtomicReferenceArray<@Nullable Entry>(BUCKETS);
  private static final AtomicInteger SIZE = new AtomicInteger();
  private static final ReferenceQueue<Object> DEAD = new ReferenceQueue<Object>();
  private static final LongAdder LOST = new LongAdder();

  /** Submissions without colour: identity hash in the upper half, how many wait in the lower. */
  private static final AtomicLongArray WITHOUT = new AtomicLongArray(PLAIN);

  /** Set on threads whose every task comes by {@link #taken} or {@link #workerBegins}. */
  private static final ThreadLocal<Boolean> WOVEN = new ThreadLocal<Boolean>();

  /** Whether a task with a colour was ever seen. */
  private static volatile boolean used;

  private TaskColours() {}

  /** Tasks that ran without the colour they were given, or will. */
  public static long lost() {
    return LOST.sum();
  }

  /** Tasks with a colour that wait, or were given up and not yet collected. */
  public static int waiting() {
    return SIZE.get();
  }

  /** {@code ThreadPoolExecutor.execute} begins. */
  public static void given(@Nullable Object task) {
    try {
      if (task == null || carriesItsOwn(task)) {
        return;
      }
      Colour colour = Colour.current();
      if (colour != Colour.NONE) {
        used = true;
        put(task, colour);
      } else if (used) {
        putWithout(task);
      }
    } catch (Throwable t) {
      LOST.increment();
    }
  }

  /** {@code ThreadPoolExecutor.execute} ends; after an exception the task is not in the queue. */
  public static void executed(@Nullable Object task, @Nullable Throwable thrown) {
    if (thrown != null) {
      take(task);
    }
  }

  /**
   * {@code ThreadPoolExecutor.reject} begins. The JDK's own handlers do not queue the task; another
   * one may, so it keeps its colour.
   */
  public static void rejected(@Nullable Object handler, @Nullable Object task) {
    Class<?> type = handler == null ? null : handler.getClass();
    if (type == ThreadPoolExecutor.CallerRunsPolicy.class
        || type == ThreadPoolExecutor.DiscardPolicy.class
        || type == ThreadPoolExecutor.DiscardOldestPolicy.class) { // the fourth throws
      take(task);
    }
  }

  /** A worker's thread begins, with its first task or null. */
  public static void workerBegins(@Nullable Object task) {
    try {
      WOVEN.set(Boolean.TRUE);
      Colour.swap(take(task));
    } catch (Throwable t) {
      LOST.increment();
    }
  }

  /** A worker asks for its next task, or ends: the thread has no colour. */
  public static void workerIsIdle() {
    try {
      Colour.swap(Colour.NONE);
    } catch (Throwable t) {
      LOST.increment();
    }
  }

  /** A worker has got a task, or null. */
  public static void taken(@Nullable Object task) {
    try {
      if (WOVEN.get() == null) {
        WOVEN.set(Boolean.TRUE);
      }
      Colour colour = take(task);
      if (colour != Colour.NONE) {
        Colour.swap(colour);
      }
    } catch (Throwable t) {
      LOST.increment();
    }
  }

  /**
   * A worker is about to run a task. Of use once on threads that waited for a task when the JDK was
   * woven: these get it by code that knows nothing of colours.
   */
  public static void aboutToRun(@Nullable Object task) {
    try {
      if (WOVEN.get() == null) {
        taken(task);
      }
    } catch (Throwable t) {
      LOST.increment();
    }
  }

  /** Futures and stages have taken their colour when they were made. */
  private static boolean carriesItsOwn(Object task) {
    return task instanceof FutureTask
        || task instanceof CompletableFuture.AsynchronousCompletionTask;
  }

  private static void put(Object task, Colour colour) {
    tidy();
    int hash = System.identityHashCode(task);
    if (SIZE.get() >= MOST && find(TABLE.get(bucket(hash)), task) == null) {
      LOST.increment();
      return;
    }
    add(task, hash, colour, 1);
    // after it was added: whoever submits it without colour at the same time sees one or the other
    int without = removeWithout(hash, Integer.MAX_VALUE);
    if (without > 0) {
      add(task, hash, Colour.NONE, without);
    }
  }

  private static void putWithout(Object task) {
    int hash = System.identityHashCode(task);
    addWithout(hash);
    if (find(TABLE.get(bucket(hash)), task) != null) {
      removeWithout(hash, 1);
      add(task, hash, Colour.NONE, 1);
    }
  }

  /** What a task was given, once; {@link Colour#NONE} for none. Never throws. */
  private static Colour take(@Nullable Object task) {
    if (!used || task == null || carriesItsOwn(task)) {
      return Colour.NONE;
    }
    try {
      int hash = System.identityHashCode(task);
      int at = bucket(hash);
      while (true) {
        Entry head = TABLE.get(at);
        Entry found = find(head, task);
        if (found == null) {
          removeWithout(hash, 1);
          return Colour.NONE;
        }
        Entry rest = without(head, found);
        if (found.count > 1) {
          rest = new Entry(task, hash, found.colour, found.count - 1, rest);
        }
        if (replace(at, head, rest)) {
          return found.colour;
        }
      }
    } catch (Throwable t) {
      LOST.increment();
      return Colour.NONE;
    }
  }

  /** More submissions of a task; of different colours all lose theirs. */
  private static void add(Object task, int hash, Colour colour, int count) {
    int at = bucket(hash);
    while (true) {
      Entry head = TABLE.get(at);
      Entry found = find(head, task);
      Entry next;
      if (found == null) {
        next = new Entry(task, hash, colour, count, head);
      } else {
        Colour all = found.colour.same(colour) ? found.colour : Colour.NONE;
        next = new Entry(task, hash, all, found.count + count, without(head, found));
      }
      if (replace(at, head, next)) {
        if (found == null) {
          return;
        }
        if (found.colour != Colour.NONE && next.colour == Colour.NONE) {
          LOST.add(found.count);
          LOST.add(colour == Colour.NONE ? 0 : count);
        } else if (next.colour == Colour.NONE && colour != Colour.NONE) {
          LOST.add(count);
        }
        return;
      }
    }
  }

  /** Takes the entries of collected tasks away. */
  private static void tidy() {
    for (Reference<?> dead; (dead = DEAD.poll()) != null; ) {
      Entry entry = (Entry) dead;
      int at = bucket(entry.hash);
      while (true) {
        Entry head = TABLE.get(at);
        if (!contains(head, entry) || replace(at, head, without(head, entry))) {
          break;
        }
      }
    }
  }

  private static boolean replace(int at, @Nullable Entry head, @Nullable Entry next) {
    if (!TABLE.compareAndSet(at, head, next)) {
      return false;
    }
    SIZE.addAndGet(length(next) - length(head));
    return true;
  }

  private static int length(@Nullable Entry head) {
    int n = 0;
    for (Entry e = head; e != null; e = e.next) {
      n++;
    }
    return n;
  }

  private static int bucket(int hash) {
    return (hash * 0x9E3779B9) >>> 18; // 14 bits
  }

  private static @Nullable Entry find(@Nullable Entry head, Object task) {
    for (Entry e = head; e != null; e = e.next) {
      if (e.get() == task) {
        return e;
      }
    }
    return null;
  }

  private static boolean contains(@Nullable Entry head, Entry entry) {
    for (Entry e = head; e != null; e = e.next) {
      if (e == entry) {
        return true;
      }
    }
    return false;
  }

  /** The chain without one of its entries; those before it are copied, unless collected. */
  private static @Nullable Entry without(@Nullable Entry head, Entry gone) {
    if (head == null) {
      return null;
    }
    if (head == gone) {
      return gone.next;
    }
    Entry next = without(head.next, gone);
    Object task = head.get();
    return task == null ? next : new Entry(task, head.hash, head.colour, head.count, next);
  }

  private static void addWithout(int hash) {
    int first = slot(hash);
    while (true) {
      int free = -1;
      int own = -1;
      for (int i = 0; i < PROBES && own < 0; i++) {
        long v = WITHOUT.get(first + i & PLAIN - 1);
        if ((int) v == 0) {
          free = free < 0 ? first + i & PLAIN - 1 : free;
        } else if ((int) (v >>> 32) == hash) {
          own = first + i & PLAIN - 1;
        }
      }
      int at = own >= 0 ? own : free >= 0 ? free : first;
      long v = WITHOUT.get(at);
      boolean same = (int) (v >>> 32) == hash;
      long next = (long) hash << 32 | (same ? (int) v + 1 : 1);
      if (WITHOUT.compareAndSet(at, v, next)) {
        return;
      }
    }
  }

  /** How many were there, at most {@code most}. */
  private static int removeWithout(int hash, int most) {
    int first = slot(hash);
    int n = 0;
    for (int i = 0; i < PROBES && n < most; i++) {
      int at = first + i & PLAIN - 1;
      while (true) {
        long v = WITHOUT.get(at);
        int count = (int) v;
        if (count == 0 || (int) (v >>> 32) != hash) {
          break;
        }
        int less = Math.min(count, most - n);
        if (WITHOUT.compareAndSet(at, v, (long) hash << 32 | (count - less))) {
          n += less;
          break;
        }
      }
    }
    return n;
  }

  private static int slot(int hash) {
    return (hash * 0x9E3779B9) >>> 19; // 13 bits
  }

  /** So many submissions of a task that wait; immutable. */
  private static final class Entry extends WeakReference<Object> {
    final int hash;
    final Colour colour;
    final int count;
    final @Nullable Entry next;

    Entry(Object task, int hash, Colour colour, int count, @Nullable Entry next) {
      super(task, DEAD);
      this.hash = hash;
      this.colour = colour;
      this.count = count;
      this.next = next;
    }
  }
}
