package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Watches the keys that are held and lie outside of the followed range (the status key), one watch
 * for each: somebody may delete them. They live as long as the watch of the range. On the loop
 * only.
 */
final class OwnWatches {
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final Loop loop;
  private final KeySpace keys;
  private final EtcdCalls calls;
  private final Map<String, EtcdClient.Watch> watches = new HashMap<String, EtcdClient.Watch>();
  private @Nullable EtcdClient wire;
  private int generation;

  OwnWatches(Loop loop, KeySpace keys, EtcdCalls calls) {
    this.loop = loop;
    this.keys = keys;
    this.calls = calls;
  }

  /** The watch of the range is there. */
  void follow(EtcdClient now) {
    stop();
    wire = now;
    for (String key : calls.held()) {
      open(key);
    }
  }

  /** It is no more. */
  void stop() {
    generation++;
    wire = null;
    for (EtcdClient.Watch w : watches.values()) {
      try {
        w.close();
      } catch (RuntimeException broken) {
        // then it tells nothing either
      }
    }
    watches.clear();
  }

  /** Watches a key unless it is followed anyway, or nothing is followed now. */
  void open(String key) {
    EtcdClient to = wire;
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
              new EtcdClient.Watching() {
                @Override
                public void events(EtcdClient.Events e) {
                  loop.execute(() -> told(g, key, e));
                }

                @Override
                public void broken(EtcdCallException e) {
                  loop.execute(() -> ended(g, key, e));
                }
              }));
    } catch (RuntimeException e) {
      again(g, key);
    }
  }

  private void told(int g, String key, EtcdClient.Events e) {
    EtcdClient.Watch from = watches.get(key);
    if (g != generation || from == null) {
      return;
    }
    if (e.created) {
      calls.look(key); // what happened before it began
    }
    calls.seen(e.events);
    from.next();
  }

  private void ended(int g, String key, EtcdCallException e) {
    if (g == generation) {
      watches.remove(key);
      if (e.kind != EtcdCallException.Kind.PERMISSION) {
        again(g, key);
      }
    }
  }

  private void again(int g, String key) {
    loop.schedule(
        () -> {
          if (g == generation) {
            open(key);
          }
        },
        AGAIN_NANOS);
  }
}
