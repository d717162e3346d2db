package io.weir.control;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.Store;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One store, several consumers. Who comes late is first told everything there is. On the loop only.
 *
 * <p>A consumer that throws, whatever it throws, harms no other. What it was told then counts as
 * not told: it hears the newest state of the same keys again, with the next batch or after a
 * second, doubling to a minute.
 */
final class StoreFanout implements Store.Listener {
  private static final long AGAIN_NANOS = Loop.AGAIN_NANOS;
  private static final int MOST_DOUBLINGS = 6;

  private final Log log;
  private final Loop.Chain again;
  private final List<Consumer> consumers = new ArrayList<Consumer>();
  private final Map<String, Entry> view = new TreeMap<String, Entry>();
  private long revision = -1;
  private @Nullable Boolean connected;
  private String reason = "";
  private int failedInARow;

  StoreFanout(Loop loop, Log log) {
    this.log = log;
    again = loop.chain("consumers", AGAIN_NANOS << MOST_DOUBLINGS, this::tellAgain);
  }

  /** One who listens, and what it may have missed. */
  private static final class Consumer {
    final Store.Listener listener;

    /** What it threw on, all in one; null: nothing. */
    @Nullable Batch missed;

    boolean missedConnection;

    Consumer(Store.Listener listener) {
      this.listener = listener;
    }
  }

  void add(Store.Listener l) {
    Consumer c = new Consumer(l);
    consumers.add(c);
    if (connected != null) {
      tellConnected(c);
    }
    if (revision >= 0) {
      List<Change> all = new ArrayList<Change>(view.size());
      for (Entry e : view.values()) {
        all.add(new Change(e.key, e));
      }
      tell(c, new Batch(revision, all, false));
    }
  }

  @Override
  public void onBatch(Batch batch) {
    revision = batch.revision;
    for (Change c : batch.changes) {
      if (c.now == null) {
        view.remove(c.key);
      } else {
        view.put(c.key, c.now);
      }
    }
    for (Consumer c : consumers) {
      tell(c, batch);
    }
  }

  @Override
  public void onConnected(boolean now, String why) {
    connected = now;
    reason = why;
    for (Consumer c : consumers) {
      tellConnected(c);
    }
  }

  private void tell(Consumer c, Batch batch) {
    try {
      Batch whole = c.missed == null ? batch : together(c.missed, batch);
      c.missed = whole;
      c.listener.onBatch(whole);
      c.missed = null;
    } catch (Throwable t) {
      failed(t, "revision " + batch.revision);
    }
  }

  private void tellConnected(Consumer c) {
    try {
      c.missedConnection = true;
      c.listener.onConnected(Boolean.TRUE.equals(connected), reason);
      c.missedConnection = false;
    } catch (Throwable t) {
      failed(t, "a connection change");
    }
  }

  private void failed(Throwable t, String on) {
    again.in(AGAIN_NANOS << Math.min(MOST_DOUBLINGS, failedInARow));
    if (failedInARow++ <= MOST_DOUBLINGS) {
      log.warn("weir: a consumer failed on " + on + " and is told again: " + t);
    }
  }

  private void tellAgain() {
    again.cancel();
    int before = failedInARow;
    for (Consumer c : consumers) {
      if (c.missedConnection) {
        tellConnected(c);
      }
      Batch missed = c.missed;
      if (missed != null) {
        c.missed = null;
        tell(c, missed);
      }
    }
    if (failedInARow == before) {
      failedInARow = 0;
    }
  }

  /** The newest of every key that is named. */
  private static Batch together(Batch missed, Batch then) {
    Map<String, Change> changes = new TreeMap<String, Change>();
    for (Change c : missed.changes) {
      changes.put(c.key, c);
    }
    for (Change c : then.changes) {
      changes.put(c.key, c);
    }
    return new Batch(
        then.revision,
        new ArrayList<Change>(changes.values()),
        missed.newHistory || then.newHistory);
  }
}
