package io.weir.engine.limit;

import io.weir.engine.rules.RateLimitRule;

/**
 * The law by which a rate follows a service's health: the closed loop of {@code auto}, without its
 * thread and clock. Asked about once a second; one for each rule.
 *
 * <h2>p99: an integrator</h2>
 *
 * A queue adds up whatever comes in above what goes out: at one percent above capacity calls take
 * ten milliseconds longer every second, without end, and just below they take what they take. So
 * there is no rate that belongs to a latency, and a loop that only looks at how far off the latency
 * is swings for ever. But while there is a queue, what the service completes <em>is</em> its
 * capacity, so the loop knows at which rate the latency stands still, and puts on top of it what
 * brings the latency to its target in {@value #SECONDS} seconds:
 *
 * <pre>  rate = completed * (1 - (p99 - target) / 5 s)</pre>
 *
 * which is a first-order system: it approaches the target and does not ring. {@code completed} is
 * smoothed. Two more cases. Below half of the target there may be no queue and nothing is known of
 * the capacity: the rate grows, by one percent at first and at most by ten a step, if it keeps
 * calls away. Above one and a half of the target the rate is set to seven tenths of what is
 * completed, and once more a second later, because the second before may have been part good, part
 * bad; it is left there while the queue drains and then returns to what was completed. That is
 * trusted for {@value #TRUST} steps: so long growth stays at one percent.
 *
 * <h2>Error ratio and CPU: proportional</h2>
 *
 * They answer at once. Too much of them cuts the rate in proportion; too little lets it grow by a
 * share that is halved every time growing was a mistake, and doubled again after ten steps in which
 * it was not: so it creeps up to the edge instead of running into it again and again.
 *
 * <h2>For both</h2>
 *
 * Nothing moves within a tenth of the target; nothing grows that is not used; a change of less than
 * one percent is not made (hysteresis), so that a step is worth a line in a log. The bounds are the
 * rule's. One thread.
 */
public final class RateController {
  private static final double SECONDS = 5;
  private static final double SMOOTH = 0.2;
  private static final double MOST = 0.05;
  private static final double GROWTH = 0.1;
  private static final double LEAST_GROWTH = 0.01;
  private static final double BAND = 0.1;
  private static final double WORTH = 0.01;
  private static final double DRAIN = 0.7;
  private static final double NEARLY = 0.97;
  private static final int TRUST = 10;

  private RateLimitRule.Auto rule;
  private double last;
  private boolean queued;
  private boolean draining;
  private boolean mixed;
  private int known;
  private double capacity;
  private double inflow;
  private int hold;
  private double growth = LEAST_GROWTH;
  private int grown;
  private int settle;

  /**
   * @param rule whose bounds and target hold until it is {@link #edited}
   */
  public RateController(RateLimitRule.Auto rule) {
    this.rule = rule;
  }

  /** The rule was edited; what was learnt stays. */
  public void edited(RateLimitRule.Auto rule) {
    this.rule = rule;
  }

  /**
   * One step.
   *
   * @param qps in force
   * @param measured milliseconds of p99, or a share
   * @param admitted calls the rule let in, per second
   * @param done calls the service completed, per second
   * @param used whether the rate was what kept calls away, or nearly so
   * @return the rate from now on, within the rule's bounds
   */
  public double next(double qps, double measured, double admitted, double done, boolean used) {
    double wanted =
        bounded(
            rule.metric == RateLimitRule.Metric.P99
                ? latency(measured / 1000, rule.target / 1000, qps, admitted, done, used)
                : qps * proportional(measured, used));
    boolean atBound = wanted == rule.minQps || wanted == rule.maxQps;
    // growth by one percent is worth it, whatever the rounding
    return Math.abs(wanted - qps) / qps >= 0.999 * WORTH || atBound ? wanted : qps;
  }

  private double latency(
      double p99, double target, double qps, double admitted, double done, boolean used) {
    boolean falls = p99 < last;
    last = p99;
    if (hold > 0) {
      hold--; // calls that were let in before are still coming out
      if (mixed) {
        mixed = false;
        capacity = Math.min(capacity, done);
        return Math.min(qps, DRAIN * capacity);
      }
      return qps;
    }
    known = Math.max(0, known - 1);
    if (p99 > 1.5 * target) {
      if (draining && falls) {
        return qps;
      }
      capacity = draining ? Math.min(capacity, done) : done;
      draining = true;
      mixed = true;
      hold = (int) Math.ceil(2 * p99) + 2;
      return DRAIN * Math.min(capacity, qps);
    }
    if (draining) {
      draining = false;
      known = TRUST;
      growth = LEAST_GROWTH;
      return NEARLY * capacity;
    }
    if (!used && p99 < target) {
      return qps;
    }
    if (p99 < target / 2) {
      queued = false;
      double by = growth;
      growth = known > 0 ? LEAST_GROWTH : Math.min(GROWTH, growth * 1.5);
      return qps * (1 + by);
    }
    growth = LEAST_GROWTH;
    capacity = queued ? capacity + SMOOTH * (done - capacity) : done;
    inflow = queued ? inflow + SMOOTH * (admitted - inflow) : admitted;
    queued = true;
    double off = p99 - target;
    double correction = Math.abs(off) <= BAND * target ? 0 : off / SECONDS;
    double next = capacity * (1 - Math.max(-MOST, Math.min(correction, MOST)));
    // while all is well and no queue grows, what is completed is only what came
    return off <= 0 && inflow <= capacity * (1 + WORTH) ? Math.max(qps, next) : next;
  }

  private double proportional(double measured, boolean used) {
    double target = rule.target;
    if (settle > 0) {
      settle--;
      return 1;
    }
    if (measured > target * (1 + BAND)) {
      growth = Math.max(LEAST_GROWTH, growth / 2);
      grown = 0;
      settle = 1;
      return Math.max(
          0.5,
          rule.metric == RateLimitRule.Metric.CPU
              ? target / measured
              : (1 - measured) / Math.max(1 - target, 0.01));
    }
    if (measured >= target * (1 - BAND) || !used) {
      return 1;
    }
    if (++grown % TRUST == 0) {
      growth = Math.min(GROWTH, growth * 2);
    }
    return 1 + growth;
  }

  private double bounded(double qps) {
    return Math.max(rule.minQps, Math.min(qps, rule.maxQps));
  }
}
