package io.weir.engine.limit;

import io.weir.engine.rules.RateLimitRule;

/**
 * The control law of {@code auto}: how a rate follows a service's health. Without thread and clock;
 * the control thread calls {@link #next} about once a second. One controller a rule.
 *
 * <h2>p99: an integrator</h2>
 *
 * A queue integrates: it grows by whatever comes in above what goes out. At one percent above
 * capacity calls take ten milliseconds longer every second, without end; just below capacity the
 * latency does not change. So no rate corresponds to a given latency, and a loop that only uses the
 * distance of the latency from its target oscillates for ever. But while there is a queue, the rate
 * at which the service completes calls <em>is</em> its capacity, the rate at which the latency
 * stays the same. The loop adds to it what brings the latency to its target in {@value
 * #CORRECTION_SECONDS} seconds:
 *
 * <pre>  rate = completed * (1 - (p99 - target) / 5 s)</pre>
 *
 * This is a first-order system: it approaches the target without overshooting. {@code completed} is
 * smoothed. There are two more cases:
 *
 * <ul>
 *   <li>Below half of the target there may be no queue, so the capacity is unknown. The rate grows
 *       if it is what limits the calls: by one percent at first, and at most by ten percent a step.
 *   <li>Above one and a half of the target the rate is cut to seven tenths of what is completed. It
 *       is cut again a second later, because the second before may have been partly good, partly
 *       bad. It stays there while the queue drains, and then returns nearly to what was completed.
 *       For {@value #TRUST_STEPS} steps afterwards growth stays at one percent.
 * </ul>
 *
 * <h2>Error ratio and CPU: proportional</h2>
 *
 * These respond to the rate at once. Above the target the rate is cut in proportion. Below it the
 * rate grows by a percentage, which is halved after each step that led above the target, and
 * doubled after every ten steps of growth. So the rate approaches the edge slowly instead of
 * crossing it again and again.
 *
 * <h2>For both</h2>
 *
 * Within a tenth of the target the rate does not change. It does not grow unless it limits calls. A
 * change of less than one percent is not made (hysteresis), so that each change is worth a line in
 * the log. The bounds are the rule's. One thread at a time.
 */
public final class RateController {
  private static final double CORRECTION_SECONDS = 5;

  /** Weight of the newest value in an exponential moving average. */
  private static final double SMOOTHING = 0.2;

  /** Most by which the rate of one step differs from what is completed, as a share. */
  private static final double MAX_CORRECTION = 0.05;

  private static final double MAX_GROWTH = 0.1;
  private static final double MIN_GROWTH = 0.01;

  /** Share of the target within which nothing is corrected. */
  private static final double TOLERANCE = 0.1;

  private static final double MIN_CHANGE = 0.01;

  /** Share of the capacity that is let in while a queue drains. */
  private static final double DRAIN_FACTOR = 0.7;

  /** Share of the capacity that is let in when the queue has drained. */
  private static final double AFTER_DRAIN_FACTOR = 0.97;

  private static final int TRUST_STEPS = 10;

  private RateLimitRule.Auto rule;
  // for p99

  private double lastP99;

  /** Whether the step before saw a queue: then capacity and inflow are averages to continue. */
  private boolean queued;

  private boolean draining;
  private boolean cutAgain;
  private int trustedSteps;
  private double capacity;
  private double inflow;
  private int stepsToHold;

  // for all

  private double growth = MIN_GROWTH;

  // for error ratio and CPU

  private int growthSteps;
  private int stepsToSettle;

  /**
   * @param rule bounds and target, until {@link #edited} is called
   */
  public RateController(RateLimitRule.Auto rule) {
    this.rule = rule;
  }

  /**
   * The rule was edited: takes its bounds, target and metric from now on. It goes on with the state
   * that it has, also when the metric is another one.
   */
  public void edited(RateLimitRule.Auto rule) {
    this.rule = rule;
  }

  /**
   * Computes the next rate.
   *
   * @param qps the rate in force
   * @param measured the rule's metric: p99 in milliseconds, or a share of 0 to 1
   * @param admitted calls that the rule admitted, per second
   * @param done calls that this rule admitted and that have been completed, neither refused nor
   *     cancelled, per second
   * @param used whether the rate limited the calls, or nearly so
   * @return the rate from now on, within the rule's bounds; {@code qps} when it is to stay
   */
  public double next(double qps, double measured, double admitted, double done, boolean used) {
    double wanted =
        bounded(
            rule.metric == RateLimitRule.Metric.P99
                ? rateForLatency(measured / 1000, rule.target / 1000, qps, admitted, done, used)
                : qps * factorForRatio(measured, used));
    boolean atBound = wanted == rule.minQps || wanted == rule.maxQps;
    // 0.999, so that growth by one percent is not lost to rounding
    return Math.abs(wanted - qps) / qps >= 0.999 * MIN_CHANGE || atBound ? wanted : qps;
  }

  private double rateForLatency(
      double p99, double target, double qps, double admitted, double done, boolean used) {
    boolean falls = p99 < lastP99;
    lastP99 = p99;
    if (stepsToHold > 0) {
      stepsToHold--; // calls admitted before the cut are still ending
      if (cutAgain) {
        cutAgain = false;
        capacity = Math.min(capacity, done);
        return Math.min(qps, DRAIN_FACTOR * capacity);
      }
      return qps;
    }
    trustedSteps = Math.max(0, trustedSteps - 1);
    if (p99 > 1.5 * target) {
      if (draining && falls) {
        return qps;
      }
      capacity = draining ? Math.min(capacity, done) : done;
      draining = true;
      cutAgain = true;
      stepsToHold = (int) Math.ceil(2 * p99) + 2;
      return DRAIN_FACTOR * Math.min(capacity, qps);
    }
    if (draining) {
      draining = false;
      trustedSteps = TRUST_STEPS;
      growth = MIN_GROWTH;
      return AFTER_DRAIN_FACTOR * capacity;
    }
    if (!used && p99 < target) {
      return qps;
    }
    if (p99 < target / 2) {
      queued = false;
      double by = growth;
      growth = trustedSteps > 0 ? MIN_GROWTH : Math.min(MAX_GROWTH, growth * 1.5);
      return qps * (1 + by);
    }
    growth = MIN_GROWTH;
    capacity = queued ? capacity + SMOOTHING * (done - capacity) : done;
    inflow = queued ? inflow + SMOOTHING * (admitted - inflow) : admitted;
    queued = true;
    double off = p99 - target;
    double correction = Math.abs(off) <= TOLERANCE * target ? 0 : off / CORRECTION_SECONDS;
    double next = capacity * (1 - Math.max(-MAX_CORRECTION, Math.min(correction, MAX_CORRECTION)));
    // Below the target, with no growing queue, the service completes all that comes in: that says
    // nothing about its capacity, so the rate does not fall.
    return off <= 0 && inflow <= capacity * (1 + MIN_CHANGE) ? Math.max(qps, next) : next;
  }

  private double factorForRatio(double measured, boolean used) {
    double target = rule.target;
    if (stepsToSettle > 0) {
      stepsToSettle--;
      return 1;
    }
    if (measured > target * (1 + TOLERANCE)) {
      growth = Math.max(MIN_GROWTH, growth / 2);
      growthSteps = 0;
      stepsToSettle = 1;
      return Math.max(
          0.5,
          rule.metric == RateLimitRule.Metric.CPU
              ? target / measured
              : (1 - measured) / Math.max(1 - target, 0.01));
    }
    if (measured >= target * (1 - TOLERANCE) || !used) {
      return 1;
    }
    if (++growthSteps % TRUST_STEPS == 0) {
      growth = Math.min(MAX_GROWTH, growth * 2);
    }
    return 1 + growth;
  }

  private double bounded(double qps) {
    return Math.max(rule.minQps, Math.min(qps, rule.maxQps));
  }
}
