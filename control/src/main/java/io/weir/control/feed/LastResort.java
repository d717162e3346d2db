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
 * Keeps instances whose registration vanished, and decides which of them may still be called when a
 * service has no other instance (the last resort).
 *
 * <p>One instance that vanishes has probably died. When more than half of a service vanish within
 * five seconds, it is more likely that somebody deleted their keys, or that they lost etcd. Then
 * they stay for 30 s. An instance that wrote {@code leaving} before, or is registered again, does
 * not stay.
 *
 * <p>Does not read a clock: methods get the time. Single-threaded.
 */
final class LastResort {
  /** Instances that vanish within this time count together. */
  static final long WITHIN_NANOS = 5_000_000_000L;

  static final long STAYS_NANOS = 30_000_000_000L;

  private static final class Vanished {
    final Instance instance;
    final long at;

    /** Whether it is a last resort. */
    boolean stays;

    Vanished(Instance instance, long at) {
      this.instance = instance.asLastResort();
      this.at = at;
    }

    long ends() {
      return at + (stays ? STAYS_NANOS : WITHIN_NANOS);
    }
  }

  /** By service, then key. */
  private final Map<String, Map<String, Vanished>> vanished =
      new TreeMap<String, Map<String, Vanished>>();

  /** An instance's registration vanished, and it had not written {@code leaving}. */
  void vanished(String key, Instance instance, long now) {
    Map<String, Vanished> of = vanished.get(instance.service());
    if (of == null) {
      of = new TreeMap<String, Vanished>();
      vanished.put(instance.service(), of);
    }
    of.put(key, new Vanished(instance, now));
  }

  /** The instance is registered again, or has written {@code leaving}. */
  void forget(String service, String key) {
    Map<String, Vanished> of = vanished.get(service);
    if (of != null && of.remove(key) != null && of.isEmpty()) {
      vanished.remove(service);
    }
  }

  /**
   * Decides whether the instances that vanished lately stay.
   *
   * @param live gives the number of registered instances of a service
   * @return for each service whose instances begin to stay: how many, and of how many
   */
  Map<String, int[]> judge(ToIntFunction<String> live, long now) {
    Map<String, int[]> begun = new HashMap<String, int[]>();
    for (Map.Entry<String, Map<String, Vanished>> e : vanished.entrySet()) {
      int recent = 0;
      boolean fresh = false;
      for (Vanished g : e.getValue().values()) {
        boolean counts = now - g.at <= WITHIN_NANOS;
        recent += counts ? 1 : 0;
        fresh |= counts && !g.stays;
      }
      int all = fresh ? live.applyAsInt(e.getKey()) + recent : 0;
      if (fresh && recent * 2 > all) {
        for (Vanished g : e.getValue().values()) {
          g.stays |= now - g.at <= WITHIN_NANOS;
        }
        begun.put(e.getKey(), new int[] {recent, all});
      }
    }
    return begun;
  }

  /**
   * Forgets instances whose time is over.
   *
   * @return whether one of them was a last resort
   */
  boolean expire(long now) {
    boolean changed = false;
    for (Iterator<Map<String, Vanished>> s = vanished.values().iterator(); s.hasNext(); ) {
      Map<String, Vanished> of = s.next();
      for (Iterator<Vanished> i = of.values().iterator(); i.hasNext(); ) {
        Vanished g = i.next();
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

  /** After how many nanoseconds {@link #expire} has something to forget; negative: never. */
  long next(long now) {
    long next = -1;
    for (Map<String, Vanished> of : vanished.values()) {
      for (Vanished g : of.values()) {
        long left = Math.max(0, g.ends() - now) + 1;
        next = next < 0 ? left : Math.min(next, left);
      }
    }
    return next;
  }

  /** The instances that stay as a last resort. */
  List<Instance> instances() {
    List<Instance> stay = new ArrayList<Instance>();
    for (Map<String, Vanished> of : vanished.values()) {
      for (Vanished g : of.values()) {
        if (g.stays) {
          stay.add(g.instance);
        }
      }
    }
    return stay;
  }
}
