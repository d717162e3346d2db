package io.weir.engine.route;

import io.weir.engine.instances.Ejections;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule.Balance;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The instances that an arm may use. An arm is one destination of a routing rule, one entry of its
 * {@code to} or {@code default} list. A pick decides by region first, then by load.
 *
 * <p><b>Region.</b> Instances form up to three rings around the caller: its zone, the rest of its
 * region, everything else (Envoy calls them priority levels). An instance is available when it is
 * registered and not ejected. A ring with {@code available} of {@code total} instances can carry
 * {@code min(1, available / (total * spillBelow))} of the traffic. With the default of 0.714 that
 * is Envoy's {@code min(100, 140 x available / total)}: a ring keeps all traffic while about 72 %
 * of its instances are available. Traffic fills the rings from the inside. When all rings together
 * cannot carry 100 %, each takes a share in proportion to what it can carry.
 *
 * <p><b>Panic.</b> When less than half of the pool is available, and all rings together cannot
 * carry 100 %, it is likelier that the ejections are wrong than that so many instances are bad, and
 * the few left would be overloaded. Then ejections are ignored: every registered instance counts as
 * available, so the nearest ring takes all traffic. As in Envoy, there is no panic while some ring
 * can carry all of it.
 *
 * <p><b>Last resort.</b> Instances that vanished from the registry all at once are used only where
 * the arm has no registered instance with a weight. They are never used while ejected, nor after a
 * call that got no answer.
 *
 * <p><b>Cost.</b> All of this is computed when the pool is built, and again when an ejection begins
 * or ends or a last resort stops answering ({@link Ejections#changes}, or the time at which the
 * first ejection expires). The result is an immutable {@link View}, published by one volatile
 * write; two threads may compute it at the same time, with the same result. A pick only reads the
 * view, so its cost does not depend on the number of instances. (Rendezvous hashing remembers what
 * it found: {@link RendezvousHash}.)
 */
final class InstancePool {
  private final Instance[] members;

  /** True when no registered instance has a weight above 0: all members are a last resort. */
  private final boolean lastResort;

  /** The ring of each member, {@link Locality#ZONE} to {@link Locality#REST}. */
  private final int[] rings;

  private final double spillBelow;
  private final Balance balance;
  private final Ejections ejections;
  private volatile View view;

  /**
   * @param here where the caller is; null when the region does not matter
   */
  InstancePool(
      List<Instance> instances,
      @Nullable Locality here,
      double spillBelow,
      Balance balance,
      Ejections ejections,
      long now) {
    List<Instance> usable = instancesWithWeight(instances, false);
    lastResort = usable.isEmpty();
    if (lastResort) {
      usable = instancesWithWeight(instances, true);
    }
    members = usable.toArray(new Instance[0]);
    rings = new int[members.length];
    if (here != null) {
      for (int i = 0; i < members.length; i++) {
        rings[i] = here.distance(members[i]);
      }
    }
    this.spillBelow = spillBelow;
    this.balance = balance;
    this.ejections = ejections;
    view = compute(now);
  }

  private static List<Instance> instancesWithWeight(List<Instance> instances, boolean lastResort) {
    List<Instance> usable = new ArrayList<Instance>(instances.size());
    for (Instance i : instances) {
      if (i.weight() > 0 && i.lastResort() == lastResort) {
        usable.add(i);
      }
    }
    return usable;
  }

  boolean isEmpty() {
    return members.length == 0;
  }

  /**
   * Picks an instance.
   *
   * @param hashed whether {@code hash} is set: the hash of the attribute that the rule hashes, such
   *     as a user's id, for {@link Balance#RENDEZVOUS}
   * @return null when the pool has no usable instance
   */
  @Nullable Instance pick(boolean hashed, long hash, long now) {
    View v = view;
    if (v.changes != ejections.changes() || v.expires && now - v.expiry >= 0) {
      v = compute(now);
      view = v;
    }
    InstancePicker only = v.only;
    if (only != null) {
      return only.pick(balance, hashed, hash);
    }
    InstancePicker[] r = v.rings;
    if (r.length == 0) {
      return null;
    }
    // Mixed once more: the arm was chosen by the same hash, so unmixed all its users would fall
    // into the same ring.
    int place =
        hashed
            ? (int) ((XxHash.mix(hash) >>> 1) % XxHash.WHOLE)
            : RandomDraw.fromUpperHalf(RandomDraw.bits(), XxHash.WHOLE);
    int i = 0;
    while (i < r.length - 1 && place >= v.ends[i]) {
      i++;
    }
    return r[i].pick(balance, hashed, hash);
  }

  private View compute(long now) {
    int changes = ejections.changes();
    boolean expires = false;
    long expiry = 0;
    boolean[] unavailable = new boolean[members.length];
    int available = 0;
    for (int i = 0; i < members.length; i++) {
      boolean ejected = members[i].ejected(now);
      unavailable[i] = ejected || members[i].deaf();
      if (!unavailable[i]) {
        available++;
      } else if (ejected) {
        long until = members[i].ejectedUntil();
        if (!expires || until - expiry < 0) {
          expiry = until;
        }
        expires = true;
      }
    }
    // no panic for a last resort: these instances are known to be in trouble
    boolean panic = !lastResort && available * 2 < members.length && capacity(unavailable) < 1;
    List<InstancePicker> used = new ArrayList<InstancePicker>();
    List<Double> loads = new ArrayList<Double>();
    double all = 0;
    for (int ring = Locality.ZONE; ring <= Locality.REST; ring++) {
      List<Instance> in = new ArrayList<Instance>();
      int total = 0;
      for (int i = 0; i < members.length; i++) {
        if (rings[i] == ring) {
          total++;
          if (panic || !unavailable[i]) {
            in.add(members[i]);
          }
        }
      }
      if (!in.isEmpty()) {
        double load = Math.min(1, in.size() / (total * spillBelow));
        used.add(new InstancePicker(in, balance));
        loads.add(load);
        all += load;
      }
    }
    int[] ends = new int[used.size()];
    double upTo = 0;
    for (int i = 0; i < ends.length; i++) {
      upTo += loads.get(i) / Math.min(1, all);
      ends[i] = (int) Math.min(XxHash.WHOLE, Math.round(upTo * XxHash.WHOLE));
    }
    return new View(changes, expires, expiry, used.toArray(new InstancePicker[0]), ends);
  }

  /** What all rings together can carry of the traffic, as long as ejections are believed. */
  private double capacity(boolean[] unavailable) {
    int[] total = new int[Locality.REST + 1];
    int[] good = new int[Locality.REST + 1];
    for (int i = 0; i < members.length; i++) {
      total[rings[i]]++;
      good[rings[i]] += unavailable[i] ? 0 : 1;
    }
    double all = 0;
    for (int ring = Locality.ZONE; ring <= Locality.REST; ring++) {
      all += total[ring] == 0 ? 0 : Math.min(1, good[ring] / (total[ring] * spillBelow));
    }
    return all;
  }

  /** What a pick reads. Immutable. */
  private static final class View {
    /** {@link Ejections#changes} when the view was computed; another number makes it stale. */
    final int changes;

    /** Whether the view becomes stale at {@link #expiry}, when the first ejection ends. */
    final boolean expires;

    final long expiry;

    /** The rings with usable instances, nearest first. */
    final InstancePicker[] rings;

    /** End of each ring's range among the places 0 to 999 999. */
    final int[] ends;

    /** The ring when there is exactly one, which is the usual case; else null. */
    final @Nullable InstancePicker only;

    View(int changes, boolean expires, long expiry, InstancePicker[] rings, int[] ends) {
      this.changes = changes;
      this.expires = expires;
      this.expiry = expiry;
      this.rings = rings;
      this.ends = ends;
      only = rings.length == 1 ? rings[0] : null;
    }
  }
}
