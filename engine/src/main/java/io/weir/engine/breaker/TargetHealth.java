package io.weir.engine.breaker;

import io.weir.engine.rules.CircuitBreakerRule;

/**
 * What this instance has seen of a breaker's target in the last ten seconds. It decides whether
 * this instance may object when another one votes for opening. It reads counters that the breaker
 * has anyway, so it costs calls nothing.
 *
 * <p>How it works: {@link #look} takes a sample of the running totals about once a second and keeps
 * the samples of the last ten seconds. Only calls of the current closed period count, so evidence
 * does not outlive an opening.
 *
 * <p>Threading: one control thread.
 */
public final class TargetHealth {
  private static final long SECOND = 1_000_000_000L;

  /** Calls older than this are not evidence. */
  static final long SPAN_NANOS = 10 * SECOND;

  /**
   * The target looks healthy while its failures are below this share of the limit at which the rule
   * opens.
   */
  private static final double HEALTHY_SHARE = 0.5;

  /**
   * Samples one second apart in ten seconds, both ends included, and one more before the oldest is
   * dropped.
   */
  private static final int SAMPLES = 12;

  private final CircuitBreaker breaker;
  private final long[] at = new long[SAMPLES];
  private final long[] calls = new long[SAMPLES];
  private final long[] failures = new long[SAMPLES];
  private int first;
  private int count;
  private long generation = -1;
  private boolean marked;
  private long markedCalls;
  private long markedFailures;

  public TargetHealth(CircuitBreaker breaker) {
    this.breaker = breaker;
  }

  /** Takes a sample. Call it about once a second; more often changes nothing. */
  public void look(long now) {
    StatePeriod current = breaker.period();
    SlidingWindow w = current.window;
    if (w == null) {
      count = 0;
      generation = -1;
      marked = false;
      return;
    }
    long total = w.total();
    if (current.generation != generation || count > 0 && total < calls[last()]) {
      boolean young = current.generation != generation && now - current.since < SPAN_NANOS;
      generation = current.generation;
      count = 0;
      marked = false;
      // the period began within the ten seconds: count from its beginning
      if (young) {
        long failed = breaker.failedCount();
        add(current.since, 0, failed - w.failures(now));
      }
    }
    if (count == 0 || now - at[last()] >= SECOND) {
      add(now, total, breaker.failedCount());
    }
    while (count > 1 && now - at[first] > SPAN_NANOS) {
      first = (first + 1) % SAMPLES;
      count--;
    }
  }

  /**
   * Another instance has just reported failures: from now on {@link #well} also looks at the calls
   * since this moment alone.
   */
  public void mark(long now) {
    look(now);
    StatePeriod current = breaker.period();
    SlidingWindow w = current.window;
    marked = w != null && current.generation == generation;
    markedCalls = w == null ? 0 : w.total();
    markedFailures = breaker.failedCount();
  }

  /** The fleet epoch in which the calls were made; -1 when there are no calls that count. */
  public long epoch() {
    return count == 0 ? -1 : breaker.period().epoch;
  }

  /** Calls of the last ten seconds that have ended. */
  public long calls() {
    StatePeriod current = breaker.period();
    SlidingWindow w = current.window;
    return w == null || count == 0 || current.generation != generation
        ? 0
        : Math.max(0, w.total() - calls[first]);
  }

  /** Failures among {@link #calls}. */
  public long failures() {
    return count == 0 ? 0 : Math.max(0, breaker.failedCount() - failures[first]);
  }

  /**
   * Whether the target is well, so that this instance may object. Two conditions must hold. There
   * were enough calls: {@code min_calls} in ten seconds. And their failures are less than half of
   * what the rule opens at: in these ten seconds, in the last one to two, and since {@link #mark}.
   * The same holds for failures in a row and slow calls.
   *
   * @param before the result of the last time. If true, half the calls are enough, so that traffic
   *     near the limit does not make the result flap
   */
  public boolean well(boolean before, long now) {
    look(now);
    StatePeriod current = breaker.period();
    SlidingWindow w = current.window;
    if (w == null || count == 0 || current.generation != generation) {
      return false;
    }
    CircuitBreakerRule r = breaker.rule();
    int minCalls = r.countWindow ? Math.min(r.minCalls, r.windowSize) : r.minCalls;
    long total = w.total();
    long failed = breaker.failedCount();
    if ((total - calls[first]) * (before ? 2 : 1) < minCalls) {
      return false;
    }
    int recent = first;
    for (int i = 0; i < count; i++) {
      int sample = (first + i) % SAMPLES;
      if (now - at[sample] >= SECOND) {
        recent = sample;
      }
    }
    return isBelow(total - calls[first], failed - failures[first], r)
        && isBelow(total - calls[recent], failed - failures[recent], r)
        && (!marked || isBelow(total - markedCalls, failed - markedFailures, r))
        && (r.consecutiveFailures == 0 || current.inARow() < HEALTHY_SHARE * r.consecutiveFailures)
        && (r.slowCallNanos == 0
            || w.slow(now) == 0
            || w.slow(now) < HEALTHY_SHARE * r.slowRatio * w.calls(now));
  }

  private static boolean isBelow(long calls, long failures, CircuitBreakerRule r) {
    return failures <= 0 || failures < HEALTHY_SHARE * r.failureRatio * calls;
  }

  private int last() {
    return (first + count - 1) % SAMPLES;
  }

  private void add(long time, long total, long failed) {
    if (count == SAMPLES) {
      first = (first + 1) % SAMPLES;
      count--;
    }
    count++;
    at[last()] = time;
    calls[last()] = total;
    failures[last()] = failed;
  }
}
