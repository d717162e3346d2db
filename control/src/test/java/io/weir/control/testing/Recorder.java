package io.weir.control.testing;

import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.Store;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Remembers what a store and a log said; holds the view that its batches add up to. */
public final class Recorder implements Store.Listener, Log {
  private final List<Batch> batches = new ArrayList<>();
  private final Map<String, Entry> view = new TreeMap<>();
  private final List<String> lines = new ArrayList<>();
  private final List<String> threads = new ArrayList<>();
  private Boolean connected;
  private String reason = "";

  @Override
  public synchronized void onBatch(Batch batch) {
    batches.add(batch);
    threads.add(Thread.currentThread().getName());
    for (Change c : batch.changes) {
      if (c.now == null) {
        view.remove(c.key);
      } else {
        view.put(c.key, c.now);
      }
    }
  }

  @Override
  public synchronized void onConnected(boolean now, String why) {
    connected = now;
    reason = why;
  }

  @Override
  public synchronized void info(String line) {
    lines.add(line);
  }

  @Override
  public synchronized void warn(String line) {
    lines.add(line);
  }

  public synchronized List<Batch> batches() {
    return new ArrayList<>(batches);
  }

  public synchronized List<String> lines() {
    return new ArrayList<>(lines);
  }

  public synchronized List<String> threads() {
    return new ArrayList<>(threads);
  }

  /** Key to text, as the batches add up. */
  public synchronized Map<String, String> view() {
    Map<String, String> texts = new TreeMap<>();
    view.forEach((k, v) -> texts.put(k, v.text()));
    return texts;
  }

  /** Null before anything was said. */
  public synchronized Boolean connected() {
    return connected;
  }

  public synchronized String reason() {
    return reason;
  }
}
