package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Watches this instance's held keys that are outside of the followed range (the status key),
 * because somebody may delete them. Each has its own watch, which exists as long as the watch of
 * the range. On the loop only.
 */
final class OwnWatches {
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final Loop loop;
  private final KeySpace keys;
  private final EtcdCalls calls;
  private final Map<String, EtcdClient.Watch> watches = new HashMap<String, EtcdClient.Watch>();

  /** Null: the range is not watched now, so nothing is watched here. */
  private @Nullable EtcdClient client;

  private int generation;

  OwnWatches(Loop loop, KeySpace keys, EtcdCalls calls) {
    this.loop = loop;
    this.keys = keys;
    this.calls = calls;
  }

  /** The watch of the range was created. */
  void follow(EtcdClient now) {
    stop();
    client = now;
    for (String key : calls.held()) {
      open(key);
    }
  }

  /** The watch of the range has ended. */
  void stop() {
    generation++;
    client = null;
    for (EtcdClient.Watch w : watches.values()) {
      try {
        w.close();
      } catch (RuntimeException broken) {
        // its events are ignored anyway
      }
    }
    watches.clear();
  }

  /** Watches a key, unless it is in the followed range or the range is not watched now. */
  void open(String key) {
    EtcdClient to = client;
    if (to == null || keys.follows(key) || watches.containsKey(key)) {
      return;
    }
    final int g = generation;
    String complete = keys.complete(key);
    try {
      watches.put(
          key,
          to.watch(
              complete,
              complete + "\0",
              0,
              new EtcdClient.WatchListener() {
                @Override
                public void events(EtcdClient.Events e) {
                  loop.execute(() -> onEvents(g, key, e));
                }

                @Override
                public void broken(EtcdCallException e) {
                  loop.execute(() -> onBroken(g, key, e));
                }
              }));
    } catch (RuntimeException e) {
      openLater(g, key);
    }
  }

  private void onEvents(int g, String key, EtcdClient.Events e) {
    EtcdClient.Watch from = watches.get(key);
    if (g != generation || from == null) {
      return;
    }
    if (e.created) {
      calls.reread(key); // it may have changed before the watch began
    }
    calls.onEvents(e.events);
    from.next();
  }

  private void onBroken(int g, String key, EtcdCallException e) {
    if (g == generation) {
      watches.remove(key);
      if (e.kind != EtcdCallException.Kind.PERMISSION) {
        openLater(g, key);
      }
    }
  }

  private void openLater(int g, String key) {
    loop.schedule(
        () -> {
          if (g == generation) {
            open(key);
          }
        },
        AGAIN_NANOS);
  }
}
