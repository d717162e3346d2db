package io.weir.control;

import io.weir.control.loop.Log;
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
 * A consumer that throws harms no other.
 */
final class Fanout implements Store.Listener {
  private final Log log;
  private final List<Store.Listener> listeners = new ArrayList<Store.Listener>();
  private final Map<String, Entry> view = new TreeMap<String, Entry>();
  private long revision = -1;
  private @Nullable Boolean connected;
  private String reason = "";

  Fanout(Log log) {
    this.log = log;
  }

  void add(Store.Listener l) {
    listeners.add(l);
    if (connected != null) {
      l.onConnected(connected, reason);
    }
    if (revision >= 0) {
      List<Change> all = new ArrayList<Change>(view.size());
      for (Entry e : view.values()) {
        all.add(new Change(e.key, e));
      }
      l.onBatch(new Batch(revision, all, false));
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
    for (Store.Listener l : listeners) {
      try {
        l.onBatch(batch);
      } catch (RuntimeException e) {
        log.warn("weir: a consumer failed on revision " + batch.revision + ": " + e);
      }
    }
  }

  @Override
  public void onConnected(boolean now, String why) {
    connected = now;
    reason = why;
    for (Store.Listener l : listeners) {
      try {
        l.onConnected(now, why);
      } catch (RuntimeException e) {
        log.warn("weir: a consumer failed on a connection change: " + e);
      }
    }
  }
}
