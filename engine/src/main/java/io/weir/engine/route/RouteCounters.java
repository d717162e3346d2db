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
 * Counters of one service's router. They start when the service becomes known and live on when its
 * routing rules change.
 *
 * <p>Words: an <em>arm</em> is one destination of a routing rule, one entry of {@code to}. A
 * <em>unit</em> is the attribute value that decides a call's arm in a sticky route or an experiment
 * ({@code ab}): mostly a user's id.
 *
 * <p>Threads: any.
 */
public final class RouteCounters {
  final LongAdder refused = new LongAdder();
  final LongAdder fellBack = new LongAdder();
  final LongAdder unitMissing = new LongAdder();
  final LongAdder armUnknown = new LongAdder();
  final LongAdder failed = new LongAdder();
  private final Map<String, ArmCounts> arms;
  private final Map<List<String>, SelectionCounters> selections;

  RouteCounters() {
    arms = new TreeMap<String, ArmCounts>();
    selections = new HashMap<List<String>, SelectionCounters>();
  }

  /**
   * The counters shared by all instances of one version and region; made at the first request. Only
   * called while a router is built: calls hold the counters already.
   *
   * @param version null for instances without a version
   * @param region null for instances without a region
   */
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

  /** Calls by version and region of the chosen instance, and by the reason of the choice. */
  public List<SelectionCounters> selections() {
    synchronized (selections) {
      return new ArrayList<SelectionCounters>(selections.values());
    }
  }

  /**
   * The counts of the arm with this name; made at the first request. Arms of the same name share
   * them. Only called while a router is built.
   */
  ArmCounts arm(String name) {
    synchronized (arms) {
      ArmCounts counts = arms.get(name);
      if (counts == null) {
        counts = new ArmCounts(arms.size());
        arms.put(name, counts);
      }
      return counts;
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

  /**
   * Calls of a sticky route or an experiment that had no unit, because the attribute was absent.
   * They went to the first arm.
   */
  public long unitMissing() {
    return unitMissing.sum();
  }

  /**
   * Calls of an experiment whose header or query parameter named an arm that does not exist. The
   * name was ignored and the call routed as if it were absent.
   */
  public long armUnknown() {
    return armUnknown.sum();
  }

  /**
   * Calls for which evaluating the rule threw, because an attribute could not be read. They went to
   * the first default arm; a rule without default left them to the next rule.
   */
  public long failed() {
    return failed.sum();
  }

  /** Calls by arm name, including those that a shadow rule would have sent there. */
  public Map<String, Long> arms() {
    Map<String, Long> counts = new TreeMap<String, Long>();
    List<SelectionCounters> chosen = selections();
    synchronized (arms) {
      for (Map.Entry<String, ArmCounts> e : arms.entrySet()) {
        long sum = e.getValue().withoutInstance.sum();
        for (SelectionCounters s : chosen) {
          sum += s.chosenBy(e.getValue().index);
        }
        counts.put(e.getKey(), sum);
      }
    }
    return counts;
  }

  /**
   * Counts of one arm. Kept for as long as the service is known, even if its rule drops the arm.
   */
  static final class ArmCounts {
    /** Number of the arm in {@link SelectionCounters}, which count the calls it sent somewhere. */
    final int index;

    /**
     * Calls that got this arm but no instance of it: the arm had none, or its rule is in shadow
     * mode.
     */
    final LongAdder withoutInstance = new LongAdder();

    private ArmCounts(int index) {
      this.index = index;
    }
  }
}
