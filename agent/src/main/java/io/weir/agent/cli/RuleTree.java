package io.weir.agent.cli;

import io.weir.control.loop.Log;
import io.weir.control.loop.LoopThread;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.Store;
import io.weir.control.store.Txn;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The rules where they stand, in etcd or in a directory: looked at, waited on, and changed by
 * compare-and-set only. Follows the store while it is open.
 *
 * <p>Used by one thread; what the store tells arrives on its loop.
 */
abstract class RuleTree implements AutoCloseable {
  private static final long GRACE_NANOS = 2_000_000_000L;
  private static final long SLICE_NANOS = 100_000_000L;

  /** For people: {@code etcd[http://127.0.0.1:2379]}, {@code file:weir-rules}. */
  final String name;

  final LoopThread loop = new LoopThread("weir-cli", Log.NONE);
  private final Object lock = new Object();
  private final TreeMap<String, Entry> now = new TreeMap<String, Entry>();
  private long revision = -1;
  private String complaint = "it does not answer";
  private long complainedAt;
  private @Nullable String lost;

  RuleTree(String name) {
    this.name = name;
  }

  abstract Store store();

  /** The user that the store lets in; null where it asks for nobody. */
  @Nullable String user() {
    return null;
  }

  /** Whether instances tell here what they run. */
  abstract boolean hasStatus();

  /**
   * Has the instances of a service, or all, tell how long their calls take, until this is closed or
   * its process has ended.
   *
   * @param service null for all
   */
  void look(@Nullable String service) {}

  /** All or nothing; waits for the answer. */
  abstract Txn.Outcome commit(Txn txn);

  /**
   * Starts following and waits for the first complete view.
   *
   * @throws Trouble when there is none in time
   */
  final RuleTree open(long waitNanos) {
    store()
        .start(
            new Store.Listener() {
              @Override
              public void onBatch(Batch batch) {
                synchronized (lock) {
                  revision = batch.revision;
                  for (Change c : batch.changes) {
                    if (c.now == null) {
                      now.remove(c.key);
                    } else {
                      now.put(c.key, c.now);
                    }
                  }
                  lock.notifyAll();
                }
              }

              @Override
              public void onConnected(boolean connected, String reason) {
                synchronized (lock) {
                  lost = connected ? null : reason;
                  if (!connected) {
                    complaint = reason;
                    complainedAt = complainedAt == 0 ? System.nanoTime() : complainedAt;
                    lock.notifyAll();
                  }
                }
              }
            });
    StoreView first = awaitFirst(waitNanos);
    if (first == null) {
      String why;
      synchronized (lock) {
        why = complaint;
      }
      close();
      throw new CliException(
          CliFault.UNREACHABLE, name + ": " + why, "look closer with: weir doctor");
    }
    return this;
  }

  /** Once the store has said why it cannot, it gets one more try only: a person is waiting. */
  private @Nullable StoreView awaitFirst(long waitNanos) {
    long deadline = System.nanoTime() + waitNanos;
    while (true) {
      StoreView first = await(v -> v, Math.min(SLICE_NANOS, deadline - System.nanoTime()));
      if (first != null) {
        return first;
      }
      synchronized (lock) {
        long left = deadline - System.nanoTime();
        if (left <= 0 || complainedAt != 0 && System.nanoTime() - complainedAt > GRACE_NANOS) {
          return null;
        }
      }
    }
  }

  /** As of the newest revision known. */
  final StoreView view() {
    synchronized (lock) {
      return new StoreView(revision, now);
    }
  }

  /** Why the view may be old, or null: it is followed. */
  final @Nullable String lost() {
    synchronized (lock) {
      return lost;
    }
  }

  /** Waits until the function makes something of the view; null when the time is over. */
  final <T> @Nullable T await(Function<StoreView, T> until, long waitNanos) {
    long deadline = System.nanoTime() + waitNanos;
    synchronized (lock) {
      while (true) {
        if (revision >= 0) {
          T made = until.apply(new StoreView(revision, now));
          if (made != null) {
            return made;
          }
        }
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          return null;
        }
        try {
          lock.wait(left / 1_000_000 + 1);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return null;
        }
      }
    }
  }

  @Override
  public void close() {
    store().close();
    loop.close(TimeUnit.MILLISECONDS.toNanos(500));
  }
}
