package io.weir.engine.route;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * What a service's router has counted since the service became known; outlives changes of its rule.
 * Any thread.
 */
public final class Counters {
  final LongAdder refused = new LongAdder();
  final LongAdder fellBack = new LongAdder();
  final LongAdder unitMissing = new LongAdder();
  final LongAdder armUnknown = new LongAdder();
  final LongAdder failed = new LongAdder();
  private final Map<String, LongAdder> arms;

  Counters() {
    arms = new TreeMap<String, LongAdder>();
  }

  /** Only while a snapshot is built. */
  LongAdder arm(String name) {
    synchronized (arms) {
      LongAdder a = arms.get(name);
      if (a == null) {
        a = new LongAdder();
        arms.put(name, a);
      }
      return a;
    }
  }

  /** Calls refused because their arm had no live instance and no fallback. */
  public long refused() {
    return refused.sum();
  }

  /** Calls whose arm had no live instance and that went to the fallback. */
  public long fellBack() {
    return fellBack.sum();
  }

  /** Sticky or A/B calls without the attribute to hash; they got the first arm. */
  public long unitMissing() {
    return unitMissing.sum();
  }

  /** A/B calls whose header or parameter named no arm; it was ignored. */
  public long armUnknown() {
    return armUnknown.sum();
  }

  /** Calls whose attributes could not be read; they were routed as if no row had matched. */
  public long failed() {
    return failed.sum();
  }

  /** Calls per arm, also those a shadow rule would have sent there. */
  public Map<String, Long> arms() {
    Map<String, Long> counts = new TreeMap<String, Long>();
    synchronized (arms) {
      for (Map.Entry<String, LongAdder> e : arms.entrySet()) {
        counts.put(e.getKey(), e.getValue().sum());
      }
    }
    return counts;
  }
}
