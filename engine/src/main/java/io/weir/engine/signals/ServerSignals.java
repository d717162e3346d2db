package io.weir.engine.signals;

import io.weir.engine.breaker.OutcomeClassifier;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Counts how the calls that this JVM serves end (ok, error, slow), by the same criteria as its
 * callers.
 *
 * <p>The criteria are those of the service's own breaker rule, which its callers apply, too;
 * without such a rule, the defaults of one. A call is slow from {@code slow_call_ms} of that rule
 * on, or from one second. A call that its caller cancelled and a call that the rule ignores say
 * nothing about the service and are counted separately. A call that this JVM refused is not
 * counted.
 *
 * <p>How it works: the totals only grow. Each is a striped adder, so a call costs two or three
 * uncontended additions. The first call that ends in a new second first stores the totals so far in
 * a ring of marks. The last {@code n} seconds are then the totals now minus those of the oldest
 * mark within these seconds. That mark equals the totals at the start of the period, because no
 * call ended between the start and the mark. So nothing is ever reset, no count is lost, and a
 * window of any length up to {@link #SECONDS} slides in steps of one second. A call that ends while
 * a mark is being written may be counted before or after it.
 *
 * <p>Threading: {@link #record} from any thread, without lock or allocation (but for the very first
 * call, and the adders grow under contention, once); reading from any thread; {@link #judgeBy} from
 * one control thread.
 */
public final class ServerSignals implements CallLedger.Recorder {
  /** Longest window that can be read, in seconds. */
  public static final int SECONDS = 63;

  private static final int MARKS = SECONDS + 1;

  /** Numbers of one mark: its second and five totals. */
  private static final int WIDTH = 6;

  private static final long SECOND_NANOS = 1_000_000_000L;
  private static final long SLOW_NANOS = SECOND_NANOS;

  /** In place of a mark's second, while the mark is incomplete or was never written. */
  private static final long WRITING = Long.MIN_VALUE;

  private static final AtomicLongFieldUpdater<ServerSignals> NEXT =
      AtomicLongFieldUpdater.newUpdater(ServerSignals.class, "next");

  /** The criteria of one version of the rule. */
  private static final class Judge {
    final OutcomeClassifier classifier;
    final long slowNanos;

    Judge(CircuitBreakerRule rule) {
      classifier = new OutcomeClassifier(rule);
      slowNanos = rule.slowCallNanos > 0 ? rule.slowCallNanos : SLOW_NANOS;
    }
  }

  private final String service;
  private final long origin;

  /**
   * Null until {@link #judgeBy} or the first call; not made earlier, so that start-up does not load
   * these classes.
   */
  private volatile @Nullable Judge judge;

  private final LongAdder ok = new LongAdder();
  private final LongAdder errors = new LongAdder();
  private final LongAdder ignored = new LongAdder();
  private final LongAdder slow = new LongAdder();
  private final LongAdder nanos = new LongAdder();

  /**
   * The ring of marks. Each is {@link #WIDTH} numbers: the second (seconds since {@link #origin}),
   * then the totals at its start.
   */
  private final AtomicLongArray marks = new AtomicLongArray(MARKS * WIDTH);

  /** When the next mark is due, in nanos since {@link #origin}. */
  private volatile long next;

  /**
   * @param service the name of this JVM's service
   * @param now nano clock
   */
  public ServerSignals(String service, long now) {
    this.service = service;
    this.origin = now;
    for (int i = 0; i < MARKS; i++) {
      marks.set(i * WIDTH, WRITING);
    }
  }

  /** The default criteria, for calls before the first rules; kept out of the hot path. */
  @SuppressWarnings("NullAway") // judgeBy sets it
  private synchronized Judge first() {
    if (judge == null) {
      judgeBy(Collections.<CircuitBreakerRule>emptyList());
    }
    return judge;
  }

  /** From now on the first of these rules decides what is an error; without rules, the defaults. */
  public synchronized void judgeBy(List<CircuitBreakerRule> rules) {
    judge =
        new Judge(
            rules.isEmpty() ? CircuitBreakerRule.builder().service(service).build() : rules.get(0));
  }

  @Override
  public void record(CallLedger ledger, int outcome, @Nullable Throwable thrown, long now) {
    Judge j = judge;
    if (j == null) {
      j = first();
    }
    int verdict;
    try {
      verdict = j.classifier.classify(outcome, thrown);
    } catch (Throwable t) {
      verdict = OutcomeClassifier.FAILURE; // as in the breaker
    }
    if (now - origin - next >= 0) {
      mark(now);
    }
    if (verdict == OutcomeClassifier.IGNORED) {
      ignored.increment();
      return;
    }
    long took = Math.max(0, now - ledger.startNanos());
    (verdict == OutcomeClassifier.SUCCESS ? ok : errors).increment();
    nanos.add(took);
    if (took >= j.slowNanos) {
      slow.increment();
    }
  }

  /** A call that was not made is not counted. */
  @Override
  public void abandon(CallLedger ledger, long now) {}

  /** Stores the totals for a second that has begun, unless another thread does. */
  private void mark(long now) {
    long due = next;
    long second = (now - origin) / SECOND_NANOS;
    if (now - origin - due < 0 || !NEXT.compareAndSet(this, due, (second + 1) * SECOND_NANOS)) {
      return;
    }
    int row = (int) (second % MARKS) * WIDTH;
    marks.set(row, WRITING); // readers ignore the row until its second is written, last
    marks.set(row + 1, ok.sum());
    marks.set(row + 2, errors.sum());
    marks.set(row + 3, ignored.sum());
    marks.set(row + 4, slow.sum());
    marks.set(row + 5, nanos.sum());
    marks.set(row, second);
  }

  /** All calls since the start of this JVM. */
  public ServedCalls total() {
    return new ServedCalls(ok.sum(), errors.sum(), ignored.sum(), slow.sum(), nanos.sum());
  }

  /**
   * The calls that ended in the current second and in the full seconds before it.
   *
   * @param seconds their number, including the current one: 1 to {@link #SECONDS}
   * @throws IllegalArgumentException for any other number
   */
  public ServedCalls last(int seconds, long now) {
    if (seconds < 1 || seconds > SECONDS) {
      throw new IllegalArgumentException("seconds " + seconds + ": expected 1 to " + SECONDS);
    }
    long current = (now - origin) / SECOND_NANOS;
    ServedCalls total = total();
    if (seconds > current) {
      return total;
    }
    for (long s = current - seconds + 1; s <= current; s++) {
      int row = (int) (s % MARKS) * WIDTH;
      if (marks.get(row) == s) {
        ServedCalls then =
            new ServedCalls(
                marks.get(row + 1),
                marks.get(row + 2),
                marks.get(row + 3),
                marks.get(row + 4),
                marks.get(row + 5));
        if (marks.get(row) == s) {
          return total.since(then);
        }
      }
    }
    return total.since(total); // no mark, so no call ended in this period: all zero
  }

  @Override
  public String toString() {
    return service + " " + total();
  }
}
