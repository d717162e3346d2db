package io.weir.engine.route;

import io.weir.engine.instances.SelectionCounters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What a service's router has counted since the service became known; outlives changes of its rule.
 * Any thread.
 */
public final class RouteCounters {
  final LongAdder refused = new LongAdder();
  final LongAdder fellBack = new LongAdder();
  final LongAdder unitMissing = new LongAdder();
  final LongAdder armUnknown = new LongAdder();
  final LongAdder failed = new LongAdder();
  private final Map<String, Arm> arms;
  private final Map<List<String>, SelectionCounters> selections;

  RouteCounters() {
    arms = new TreeMap<String, Arm>();
    selections = new HashMap<List<String>, SelectionCounters>();
  }

  /** For instances of this version and region, each may be null. Only while a router is built. */
  SelectionCounters selections(@Nullable String version, @Nullable String region) {
    List<String> key = Arrays.asList(version, region);
    synchronized (selections) {
      SelectionCounters s = selections.get(key);
      if (s == null) {
        s = new SelectionCounters(version, region);
        selections.put(key, s);
      }
      return s;
    }
  }

  /** Calls by version and region of the instance chosen, and by why. */
  public List<SelectionCounters> selections() {
    synchronized (selections) {
      return new ArrayList<SelectionCounters>(selections.values());
    }
  }

  /** Only while a snapshot is built. */
  Arm arm(String name) {
    synchronized (arms) {
      Arm a = arms.get(name);
      if (a == null) {
        a = new Arm(arms.size());
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
    List<SelectionCounters> chosen = selections();
    synchronized (arms) {
      for (Map.Entry<String, Arm> e : arms.entrySet()) {
        long sum = e.getValue().nowhere.sum();
        for (SelectionCounters s : chosen) {
          sum += s.chosenBy(e.getValue().index);
        }
        counts.put(e.getKey(), sum);
      }
    }
    return counts;
  }

  /** What calls are counted by; as long-lived as its name. */
  static final class Arm {
    /** Where {@link SelectionCounters} count what it chose. */
    final int index;

    /** Calls that got this arm and no instance of it: it has none, or its rule is a shadow. */
    final LongAdder nowhere = new LongAdder();

    private Arm(int index) {
      this.index = index;
    }
  }
}
