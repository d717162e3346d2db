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
 * The instances an arm may use: region first, then load.
 *
 * <p><b>Region.</b> Instances stand in up to three rings around the caller: its zone, its region,
 * the rest. A ring with {@code available} of {@code total} instances can carry {@code min(1,
 * available / (total * spillBelow))} of the traffic; with the default of 0.714 that is Envoy's
 * {@code min(100, 140 x available / total)}, and a ring keeps everything while about 72 % of it are
 * there. Traffic fills the rings from the inside; when all of them together cannot carry 100 %,
 * each takes its part of what they can. Available is what is registered and not ejected.
 *
 * <p><b>Panic.</b> When less than half of the pool is available, ejection is more likely wrong than
 * right about the rest, and the few would drown: all registered instances are used.
 *
 * <p><b>Last resort.</b> Instances that vanished from the registry all at once are used only where
 * there is no registered one, and never while they are ejected or after one call without an answer.
 *
 * <p><b>Cost.</b> All of this is worked out when the pool is built and again when an ejection
 * begins or ends ({@link Ejections#changes}, or the time the first ejection runs out), into an
 * immutable {@link View} published by one volatile write; two threads may both do it, with the same
 * result. A pick reads the view, and so costs the same whatever the number of instances (rendezvous
 * hashing asks every instance, but once for each of its slots).
 */
final class InstancePool {
  private final Instance[] members;

  /** The members are no longer registered, and there are no others. */
  private final boolean lastResort;

  private final int[] rings;
  private final double spillBelow;
  private final Balance balance;
  private final Ejections ejections;
  private volatile View view;

  /**
   * @param here null when region does not count
   */
  InstancePool(
      List<Instance> instances,
      @Nullable Locality here,
      double spillBelow,
      Balance balance,
      Ejections ejections,
      long now) {
    List<Instance> taking = taking(instances, false);
    lastResort = taking.isEmpty();
    if (lastResort) {
      taking = taking(instances, true);
    }
    members = taking.toArray(new Instance[0]);
    rings = new int[members.length];
    if (here != null) {
      for (int i = 0; i < members.length; i++) {
        rings[i] = here.distance(members[i]);
      }
    }
    this.spillBelow = spillBelow;
    this.balance = balance;
    this.ejections = ejections;
    view = look(now);
  }

  private static List<Instance> taking(List<Instance> instances, boolean lastResort) {
    List<Instance> taking = new ArrayList<Instance>(instances.size());
    for (Instance i : instances) {
      if (i.weight() > 0 && i.lastResort() == lastResort) {
        taking.add(i);
      }
    }
    return taking;
  }

  boolean isEmpty() {
    return members.length == 0;
  }

  /**
   * @param hashed whether {@code hash} is a unit's hash, for {@link Balance#RENDEZVOUS}
   * @return null when the pool is empty
   */
  @Nullable Instance pick(boolean hashed, long hash, long now) {
    View v = view;
    if (v.changes != ejections.changes() || v.expires && now - v.expiry >= 0) {
      v = look(now);
      view = v;
    }
    LeastInFlight only = v.only;
    if (only != null) {
      return only.pick(balance, hashed, hash);
    }
    LeastInFlight[] r = v.rings;
    if (r.length == 0) {
      return null;
    }
    // another mix than the arm's, or every user of an arm would fall into the same ring
    int place =
        hashed
            ? (int) ((XxHash.mix(hash) >>> 1) % XxHash.WHOLE)
            : RandomDraw.upper(RandomDraw.bits(), XxHash.WHOLE);
    int i = 0;
    while (i < r.length - 1 && place >= v.ends[i]) {
      i++;
    }
    return r[i].pick(balance, hashed, hash);
  }

  private View look(long now) {
    int changes = ejections.changes();
    boolean expires = false;
    long expiry = 0;
    boolean[] out = new boolean[members.length];
    int available = 0;
    for (int i = 0; i < members.length; i++) {
      boolean ejected = members[i].ejected(now);
      out[i] = ejected || members[i].deaf();
      if (!out[i]) {
        available++;
      } else if (ejected) {
        long until = members[i].ejectedUntil();
        if (!expires || until - expiry < 0) {
          expiry = until;
        }
        expires = true;
      }
    }
    // of a last resort it is known that something is wrong with it
    boolean panic = !lastResort && available * 2 < members.length;
    List<LeastInFlight> used = new ArrayList<LeastInFlight>();
    List<Double> loads = new ArrayList<Double>();
    double all = 0;
    for (int ring = Locality.ZONE; ring <= Locality.REST; ring++) {
      List<Instance> in = new ArrayList<Instance>();
      int total = 0;
      for (int i = 0; i < members.length; i++) {
        if (rings[i] == ring) {
          total++;
          if (panic || !out[i]) {
            in.add(members[i]);
          }
        }
      }
      if (!in.isEmpty()) {
        double load = Math.min(1, in.size() / (total * spillBelow));
        used.add(new LeastInFlight(in, balance));
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
    return new View(changes, expires, expiry, used.toArray(new LeastInFlight[0]), ends);
  }

  /** What a pick needs to know. Immutable. */
  private static final class View {
    final int changes;
    final boolean expires;
    final long expiry;
    final LeastInFlight[] rings;
    final int[] ends;

    /** The ring where there is one, as there mostly is. */
    final @Nullable LeastInFlight only;

    View(int changes, boolean expires, long expiry, LeastInFlight[] rings, int[] ends) {
      this.changes = changes;
      this.expires = expires;
      this.expiry = expiry;
      this.rings = rings;
      this.ends = ends;
      only = rings.length == 1 ? rings[0] : null;
    }
  }
}
