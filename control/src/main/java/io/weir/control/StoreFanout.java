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
 * Delivers one store's batches to several consumers. A consumer that is added late first gets the
 * whole content. On the loop only.
 *
 * <p>A consumer that throws does not affect the others. It gets the newest state of the same keys
 * again, together with the next batch or after a second, doubling to 64 s. After seven failures in
 * a row no more are logged.
 */
final class StoreFanout implements Store.Listener {
  private static final long AGAIN_NANOS = Loop.AGAIN_NANOS;
  private static final int MOST_DOUBLINGS = 6;

  private final Log log;
  private final Loop.Chain redelivery;
  private final List<Consumer> consumers = new ArrayList<Consumer>();
  private final Map<String, Entry> view = new TreeMap<String, Entry>();
  private long revision = -1;

  /** Null: the store has not reported it yet. */
  private @Nullable Boolean connected;

  private String reason = "";
  private int failedInARow;

  StoreFanout(Loop loop, Log log) {
    this.log = log;
    redelivery = loop.chain("consumers", AGAIN_NANOS << MOST_DOUBLINGS, this::redeliver);
  }

  /** A listener, and what is to be delivered to it once more. */
  private static final class Consumer {
    final Store.Listener listener;

    /** All batches on which it threw, merged; null: none. */
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
      deliverConnected(c);
    }
    if (revision >= 0) {
      List<Change> all = new ArrayList<Change>(view.size());
      for (Entry e : view.values()) {
        all.add(new Change(e.key, e));
      }
      deliver(c, new Batch(revision, all, false));
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
      deliver(c, batch);
    }
  }

  @Override
  public void onConnected(boolean now, String why) {
    connected = now;
    reason = why;
    for (Consumer c : consumers) {
      deliverConnected(c);
    }
  }

  private void deliver(Consumer c, Batch batch) {
    try {
      Batch whole = c.missed == null ? batch : merge(c.missed, batch);
      c.missed = whole;
      c.listener.onBatch(whole);
      c.missed = null;
    } catch (Throwable t) {
      failed(t, "revision " + batch.revision);
    }
  }

  private void deliverConnected(Consumer c) {
    try {
      c.missedConnection = true;
      c.listener.onConnected(Boolean.TRUE.equals(connected), reason);
      c.missedConnection = false;
    } catch (Throwable t) {
      failed(t, "a connection change");
    }
  }

  private void failed(Throwable t, String on) {
    redelivery.in(AGAIN_NANOS << Math.min(MOST_DOUBLINGS, failedInARow));
    if (failedInARow++ <= MOST_DOUBLINGS) {
      log.warn("weir: a consumer failed on " + on + " and is told again: " + t);
    }
  }

  private void redeliver() {
    redelivery.cancel();
    int before = failedInARow;
    for (Consumer c : consumers) {
      if (c.missedConnection) {
        deliverConnected(c);
      }
      Batch missed = c.missed;
      if (missed != null) {
        c.missed = null;
        deliver(c, missed);
      }
    }
    if (failedInARow == before) {
      failedInARow = 0;
    }
  }

  /** Both batches in one: the newest change of each key. */
  private static Batch merge(Batch missed, Batch then) {
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
