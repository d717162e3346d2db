package io.weir.engine.outlier;

import io.weir.engine.instances.Instance;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Takes instances that fail far too often out of routing for a while, before the breaker of the
 * service has to open. After Envoy's outlier detection and gRFC A50.
 *
 * <p>How it works: each instance has its own {@link InstanceStats}. An instance is ejected for one
 * of three reasons. The first is judged when a call ends, the others once per interval of ten
 * seconds:
 *
 * <ul>
 *   <li>five gateway errors in a row: 502, 503, 504, UNAVAILABLE, DEADLINE_EXCEEDED, or no answer;
 *   <li>85 % or more of its calls failed;
 *   <li>its success rate is more than 1.9 standard deviations below the mean of its peers.
 * </ul>
 *
 * <p>There is no timer: the first call that ends after an interval judges it.
 *
 * <p>The n-th ejection lasts n times 30 s, at most 300 s, with a jitter of a tenth so that
 * instances do not return together. An interval in which the instance had a success and was not
 * ejected takes one off n. Never more than the allowed share of instances is out, but one always
 * may be. This is checked <em>before</em> ejecting, by one thread at a time. If another thread
 * comes meanwhile, it leaves the instance to its next failure. An ejection has one effect: the
 * router skips the instance, unless too few are left.
 *
 * <p>Threading: calls end on any thread, without lock or allocation. {@link #build} belongs to the
 * thread that builds the rules in force.
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

  /** Calls an instance must have had in an interval for its share of failures to count. */
  private static final int SHARE_CALLS = 20;

  /** Calls an instance must have had in an interval for its success rate to be compared. */
  private static final int RATE_CALLS = 100;

  /** And so many instances, itself included, must have had so many calls. */
  private static final int RATE_PEERS = 5;

  private static final double SIGMAS = 1.9;

  private final DoubleSupplier random;
  private volatile InstanceStats[] allStats = new InstanceStats[0];
  private volatile int maxPercent;
  private volatile long intervalEnd;
  private volatile int deciding;

  private OutlierDetector(DoubleSupplier random, long now) {
    this.random = random;
    this.intervalEnd = now + INTERVAL_NANOS;
  }

  /**
   * Makes the detector for new rules in force.
   *
   * @param before the detector before, whose state is carried over; or null
   * @param instances live instances, after each took over the running state of the object before it
   *     ({@link Instance#continues})
   * @param maxPercent share of instances that may be ejected, 0 to 100; 0: never eject. What is
   *     ejected beyond it returns at once
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
      DoubleSupplier random) {
    if (instances.isEmpty() || maxPercent == 0) {
      if (before != null) {
        before.maxPercent = 0;
      }
      for (Instance i : instances) {
        i.report(null);
      }
      restore(instances, 0, now);
      return null;
    }
    OutlierDetector detector = before == null ? new OutlierDetector(random, now) : before;
    InstanceStats[] next = new InstanceStats[instances.size()];
    for (int i = 0; i < next.length; i++) {
      Instance instance = instances.get(i);
      InstanceStats stats =
          instance.outcomes() instanceof InstanceStats ? (InstanceStats) instance.outcomes() : null;
      if (stats == null || stats.detector != detector) {
        stats = new InstanceStats(detector, instance);
        instance.report(stats);
      }
      next[i] = stats;
    }
    detector.allStats = next;
    detector.maxPercent = maxPercent;
    restore(instances, allowed(next.length, maxPercent), now);
    return detector;
  }

  /** How many of so many instances may be out. */
  private static int allowed(int instances, int maxPercent) {
    return maxPercent == 0 ? 0 : Math.max(1, (int) ((long) instances * maxPercent / 100));
  }

  /** Puts back what was ejected under an earlier rule and is more than {@code allowed}. */
  private static void restore(List<Instance> instances, int allowed, long now) {
    int out = 0;
    for (Instance i : instances) {
      if (i.ejected(now) && ++out > allowed) {
        i.restore();
      }
    }
  }

  /** How many instances are ejected now. */
  public int ejected(long now) {
    int n = 0;
    for (InstanceStats stats : allStats) {
      if (stats.instance.ejected(now)) {
        n++;
      }
    }
    return n;
  }

  /** A call ended. Judges the interval when it is over. */
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

  /** Ejects an instance after five gateway errors in a row, unless another thread is deciding. */
  void ejectNow(InstanceStats stats, long now) {
    if (DECIDING.compareAndSet(this, 0, 1)) {
      try {
        eject(stats, now);
      } finally {
        deciding = 0;
      }
    }
  }

  private void judge(long now) {
    InstanceStats[] all = allStats;
    int peers = 0;
    double sum = 0;
    double sumOfSquares = 0;
    for (InstanceStats stats : all) {
      stats.closeInterval();
      if (stats.calls >= RATE_CALLS && !stats.instance.ejected(now)) {
        peers++;
        double rate = stats.successRate();
        sum += rate;
        sumOfSquares += rate * rate;
      }
    }
    double mean = peers == 0 ? 0 : sum / peers;
    double sigma = peers == 0 ? 0 : Math.sqrt(Math.max(0, sumOfSquares / peers - mean * mean));
    double lowestRate = mean - SIGMAS * sigma;
    for (InstanceStats stats : all) {
      if (stats.instance.ejected(now)) {
        continue;
      }
      boolean failsMuch =
          stats.calls >= SHARE_CALLS && stats.failures >= FAILURE_SHARE * stats.calls;
      boolean isWorseThanPeers =
          peers >= RATE_PEERS && stats.calls >= RATE_CALLS && stats.successRate() < lowestRate;
      if (failsMuch || isWorseThanPeers) {
        eject(stats, now);
      } else if (stats.calls > stats.failures && stats.timesEjected > 0) {
        stats.timesEjected--;
      }
    }
  }

  private void eject(InstanceStats stats, long now) {
    InstanceStats[] all = allStats;
    if (stats.instance.ejected(now) || ejected(now) >= allowed(all.length, maxPercent)) {
      return;
    }
    stats.timesEjected = Math.min(stats.timesEjected + 1, (int) (MAX_NANOS / BASE_NANOS));
    double jitter = 1 - JITTER + 2 * JITTER * random.getAsDouble();
    stats.reset();
    stats.instance.eject(
        now + (long) Math.min(MAX_NANOS, BASE_NANOS * stats.timesEjected * jitter));
    if (maxPercent == 0) {
      // the rule went meanwhile: whoever removed it may have looked before the line above
      stats.instance.restore();
    }
  }
}
