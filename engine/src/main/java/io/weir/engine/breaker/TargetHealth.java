package io.weir.engine.breaker;

import io.weir.engine.rules.CircuitBreakerRule;

/**
 * What this instance has lately seen of a breaker's target: whether it may contradict another
 * instance that votes for opening. It reads what the breaker counts anyway, so calls pay nothing.
 *
 * <p>How it works: {@link #look} takes a sample of the running totals about once a second and keeps
 * those of the last ten seconds. Only calls of the present closed era count, so evidence never
 * outlives an opening.
 *
 * <p>Threading: one control thread.
 */
public final class TargetHealth {
  private static final long SECOND = 1_000_000_000L;

  /** Calls older than this are no evidence. */
  static final long SPAN_NANOS = 10 * SECOND;

  /** Of the limits a rule opens at: what sees more than this is no clear sight. */
  private static final double CLEAR = 0.5;

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

  /** Takes a sample; to be called about once a second. More calls than that change nothing. */
  public void look(long now) {
    StatePeriod e = breaker.era();
    SlidingWindow w = e.window;
    if (w == null) {
      count = 0;
      generation = -1;
      marked = false;
      return;
    }
    long total = w.total();
    if (e.generation != generation || count > 0 && total < calls[last()]) {
      boolean young = e.generation != generation && now - e.since < SPAN_NANOS;
      generation = e.generation;
      count = 0;
      marked = false;
      if (young) {
        add(e.since, 0, breaker.failedCount());
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

  /** Calls from now on also count by themselves: another instance has just told of failures. */
  public void mark(long now) {
    look(now);
    StatePeriod e = breaker.era();
    SlidingWindow w = e.window;
    marked = w != null && e.generation == generation;
    markedCalls = w == null ? 0 : w.total();
    markedFailures = breaker.failedCount();
  }

  /** The fleet epoch the calls were made in; -1 when there are none that count. */
  public long epoch() {
    return count == 0 ? -1 : breaker.era().epoch;
  }

  /** Calls of the last ten seconds that have ended. */
  public long calls() {
    StatePeriod e = breaker.era();
    SlidingWindow w = e.window;
    return w == null || count == 0 || e.generation != generation
        ? 0
        : Math.max(0, w.total() - calls[first]);
  }

  /** Failures among {@link #calls}. */
  public long failures() {
    return count == 0 ? 0 : Math.max(0, breaker.failedCount() - failures[first]);
  }

  /**
   * Whether there were enough calls lately ({@code min_calls} in ten seconds) and their failures
   * are less than half of what the rule opens at: in these ten seconds, in the last one to two, and
   * since {@link #mark}.
   *
   * @param before it was so before: then half the calls will do, so that traffic about the limit
   *     does not make the answer flap
   */
  public boolean well(boolean before, long now) {
    look(now);
    StatePeriod e = breaker.era();
    SlidingWindow w = e.window;
    if (w == null || count == 0 || e.generation != generation) {
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
    return clear(total - calls[first], failed - failures[first], r)
        && clear(total - calls[recent], failed - failures[recent], r)
        && (!marked || clear(total - markedCalls, failed - markedFailures, r))
        && (r.consecutiveFailures == 0 || e.inARow() < CLEAR * r.consecutiveFailures)
        && (r.slowCallNanos == 0
            || w.slow(now) == 0
            || w.slow(now) < CLEAR * r.slowRatio * w.calls(now));
  }

  private static boolean clear(long calls, long failures, CircuitBreakerRule r) {
    return failures <= 0 || failures < CLEAR * r.failureRatio * calls;
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
