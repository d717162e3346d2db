package io.weir.engine.outlier;

import io.weir.engine.instances.Instance;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Takes instances that fail much more than they should out of routing for a while, before the
 * service's breaker has to. After Envoy's outlier detection and gRFC A50.
 *
 * <p>How it works: each instance has a tally of its own. Three things make it a candidate: five
 * gateway errors in a row, judged at the call; and, judged over intervals of ten seconds, a share
 * of failures of 85 % or more, or a success rate more than 1.9 standard deviations below the mean
 * of its peers. There is no timer: the first call to end after an interval judges it. An instance
 * with no success at all is a candidate even where the deviation would reach below zero.
 *
 * <p>Ejection lasts 30 s times the number of times it happened, 300 s at most, a tenth more or less
 * by chance so that instances do not come back together; every good interval takes one time off.
 * Never more than the allowed share of instances is out, though always one may be: this is looked
 * at <em>before</em> ejecting, by one thread at a time - another that comes meanwhile leaves the
 * candidate for its next failure. Ejection only takes an instance out of what the router picks
 * from; the router uses all when less than half are left.
 *
 * <p>Threading: calls end on any thread, without lock or allocation; {@link #build} belongs to
 * whoever builds a snapshot.
 */
public final class OutlierDetector {
  private static final AtomicIntegerFieldUpdater<OutlierDetector> DECIDING =
      AtomicIntegerFieldUpdater.newUpdater(OutlierDetector.class, "deciding");
  private static final DoubleSupplier RANDOM =
      new DoubleSupplier() {
        @Override
        public double getAsDouble() {
          return ThreadLocalRandom.current().nextDouble();
        }
      };

  private static final long SECOND = 1_000_000_000L;
  static final int GATEWAY_ERRORS = 5;
  private static final long INTERVAL_NANOS = 10 * SECOND;
  private static final long BASE_NANOS = 30 * SECOND;
  private static final long MAX_NANOS = 300 * SECOND;
  private static final double JITTER = 0.1;
  private static final double FAILURE_SHARE = 0.85;

  /** Calls an instance must have had in an interval for its failure share to count. */
  private static final int SHARE_CALLS = 20;

  /** And for its success rate to be compared with that of at least so many peers. */
  private static final int RATE_CALLS = 100;

  private static final int RATE_PEERS = 5;
  private static final double SIGMAS = 1.9;

  private final DoubleSupplier draw;
  private volatile InstanceStats[] tallies = new InstanceStats[0];
  private volatile int maxPercent;
  private volatile long intervalEnd;
  private volatile int deciding;

  private OutlierDetector(DoubleSupplier draw, long now) {
    this.draw = draw;
    this.intervalEnd = now + INTERVAL_NANOS;
  }

  /**
   * @param before running state carried over, or null
   * @param instances live instances, after they took over the state of those before
   * @param maxPercent share of instances that may be out, 0 to 100; 0: never eject
   * @return null when there is nothing to judge
   */
  public static @Nullable OutlierDetector build(
      @Nullable OutlierDetector before, List<Instance> instances, int maxPercent, long now) {
    return build(before, instances, maxPercent, now, RANDOM);
  }

  static @Nullable OutlierDetector build(
      @Nullable OutlierDetector before,
      List<Instance> instances,
      int maxPercent,
      long now,
      DoubleSupplier draw) {
    if (instances.isEmpty() || maxPercent == 0) {
      for (Instance i : instances) {
        i.report(null);
      }
      return null;
    }
    OutlierDetector o = before == null ? new OutlierDetector(draw, now) : before;
    InstanceStats[] next = new InstanceStats[instances.size()];
    for (int i = 0; i < next.length; i++) {
      Instance instance = instances.get(i);
      InstanceStats t =
          instance.outcomes() instanceof InstanceStats ? (InstanceStats) instance.outcomes() : null;
      if (t == null || t.among != o) {
        t = new InstanceStats(o, instance);
        instance.report(t);
      }
      next[i] = t;
    }
    o.tallies = next;
    o.maxPercent = maxPercent;
    return o;
  }

  /** Instances out of routing now. */
  public int ejected(long now) {
    int n = 0;
    for (InstanceStats t : tallies) {
      if (t.instance.ejected(now)) {
        n++;
      }
    }
    return n;
  }

  /** Judges the interval when it is over. */
  void ended(long now) {
    long end = intervalEnd;
    if (now - end < 0 || !DECIDING.compareAndSet(this, 0, 1)) {
      return;
    }
    try {
      if (intervalEnd == end) {
        intervalEnd = now + INTERVAL_NANOS;
        judge(now);
      }
    } finally {
      deciding = 0;
    }
  }

  /** Five gateway errors in a row. */
  void candidate(InstanceStats t, long now) {
    if (DECIDING.compareAndSet(this, 0, 1)) {
      try {
        eject(t, now);
      } finally {
        deciding = 0;
      }
    }
  }

  private void judge(long now) {
    InstanceStats[] all = tallies;
    int peers = 0;
    double sum = 0;
    double squares = 0;
    for (InstanceStats t : all) {
      t.close();
      if (t.calls >= RATE_CALLS && !t.instance.ejected(now)) {
        peers++;
        double rate = t.successRate();
        sum += rate;
        squares += rate * rate;
      }
    }
    double mean = peers == 0 ? 0 : sum / peers;
    double sigma = peers == 0 ? 0 : Math.sqrt(Math.max(0, squares / peers - mean * mean));
    double least = mean - SIGMAS * sigma;
    for (InstanceStats t : all) {
      if (t.instance.ejected(now)) {
        continue;
      }
      boolean fails = t.calls >= SHARE_CALLS && t.failures >= FAILURE_SHARE * t.calls;
      boolean behind =
          peers >= RATE_PEERS
              && t.calls >= RATE_CALLS
              && (t.successRate() < least || t.failures == t.calls);
      if (fails || behind) {
        eject(t, now);
      } else if (t.calls > t.failures && t.times > 0) {
        t.times--;
      }
    }
  }

  private void eject(InstanceStats t, long now) {
    InstanceStats[] all = tallies;
    int allowed = Math.max(1, (int) ((long) all.length * maxPercent / 100));
    if (t.instance.ejected(now) || ejected(now) >= allowed) {
      return;
    }
    t.times = Math.min(t.times + 1, (int) (MAX_NANOS / BASE_NANOS));
    double jitter = 1 - JITTER + 2 * JITTER * draw.getAsDouble();
    t.forget();
    t.instance.eject(now + (long) Math.min(MAX_NANOS, BASE_NANOS * t.times * jitter));
  }
}
