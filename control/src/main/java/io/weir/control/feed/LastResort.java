package io.weir.control.feed;

import io.weir.engine.instances.Instance;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToIntFunction;

/**
 * Remembers instances that went without a word (and hung on a lease: no operator wrote them), and
 * decides which of them stay as a last resort.
 *
 * <p>One instance that vanishes has died, and is believed to. When more than half of a service
 * vanish within seconds, it is more likely that somebody deleted their keys, or that they lost
 * etcd: they stay for 30 s, for calls that would find nobody else. One that said that it leaves, or
 * that is back, does not.
 *
 * <p>Pure: told the time. Single-threaded.
 */
final class LastResort {
  /** What vanishes within this time vanishes together. */
  static final long WITHIN_NANOS = 5_000_000_000L;

  static final long STAYS_NANOS = 30_000_000_000L;

  private static final class Gone {
    final Instance instance;
    final long at;
    boolean stays;

    Gone(Instance instance, long at) {
      this.instance = instance.asLastResort();
      this.at = at;
    }

    long ends() {
      return at + (stays ? STAYS_NANOS : WITHIN_NANOS);
    }
  }

  /** By service, then key. */
  private final Map<String, Map<String, Gone>> gone = new TreeMap<String, Map<String, Gone>>();

  /** An instance vanished without a word. */
  void vanished(String key, Instance instance, long now) {
    Map<String, Gone> of = gone.get(instance.service());
    if (of == null) {
      of = new TreeMap<String, Gone>();
      gone.put(instance.service(), of);
    }
    of.put(key, new Gone(instance, now));
  }

  /** It is back, or has said that it goes. */
  void forget(String service, String key) {
    Map<String, Gone> of = gone.get(service);
    if (of != null && of.remove(key) != null && of.isEmpty()) {
      gone.remove(service);
    }
  }

  /**
   * Looks at what vanished of late.
   *
   * @param live how many instances of a service are registered now
   * @return for each service of which instances stay from now on, how many of how many
   */
  Map<String, int[]> judge(ToIntFunction<String> live, long now) {
    Map<String, int[]> begun = new HashMap<String, int[]>();
    for (Map.Entry<String, Map<String, Gone>> e : gone.entrySet()) {
      int recent = 0;
      boolean fresh = false;
      for (Gone g : e.getValue().values()) {
        boolean counts = now - g.at <= WITHIN_NANOS;
        recent += counts ? 1 : 0;
        fresh |= counts && !g.stays;
      }
      int all = fresh ? live.applyAsInt(e.getKey()) + recent : 0;
      if (fresh && recent * 2 > all) {
        for (Gone g : e.getValue().values()) {
          g.stays |= now - g.at <= WITHIN_NANOS;
        }
        begun.put(e.getKey(), new int[] {recent, all});
      }
    }
    return begun;
  }

  /** Lets go of those whose time is over; whether one of them was a last resort. */
  boolean expire(long now) {
    boolean changed = false;
    for (Iterator<Map<String, Gone>> s = gone.values().iterator(); s.hasNext(); ) {
      Map<String, Gone> of = s.next();
      for (Iterator<Gone> i = of.values().iterator(); i.hasNext(); ) {
        Gone g = i.next();
        if (g.ends() - now < 0) {
          i.remove();
          changed |= g.stays;
        }
      }
      if (of.isEmpty()) {
        s.remove();
      }
    }
    return changed;
  }

  /** In how many nanoseconds {@link #expire} has something to do; negative: there is nothing. */
  long next(long now) {
    long next = -1;
    for (Map<String, Gone> of : gone.values()) {
      for (Gone g : of.values()) {
        long left = Math.max(0, g.ends() - now) + 1;
        next = next < 0 ? left : Math.min(next, left);
      }
    }
    return next;
  }

  /** Those that stay. */
  List<Instance> instances() {
    List<Instance> stay = new ArrayList<Instance>();
    for (Map<String, Gone> of : gone.values()) {
      for (Gone g : of.values()) {
        if (g.stays) {
          stay.add(g.instance);
        }
      }
    }
    return stay;
  }
}
