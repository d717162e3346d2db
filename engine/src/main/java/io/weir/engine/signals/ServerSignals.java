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
 * How the calls this JVM serves end: its own ok, error and slow, as those who call it judge them.
 *
 * <p>What is an error follows the service's own breaker rule, the one its callers judge it by
 * (without one, the defaults of such a rule); a call is slow from {@code slow_call_ms} of that rule
 * on, or from one second. A call its caller cancelled, and one the rule ignores, says nothing and
 * is counted apart. What this JVM refused itself never gets here.
 *
 * <p>How it works: the totals only grow, each in a striped adder, so a call costs two or three
 * uncontended additions. The first call that ends in a new second writes the totals so far down, in
 * a ring of marks, before it is counted itself. The last {@code n} seconds are then the totals now
 * less those at the oldest mark inside, which is what they were when that time began, for between
 * that moment and the mark nothing ended. So nothing is ever reset, no count is lost, and a window
 * of any length up to {@link #SECONDS} slides in steps of one second. Calls that end while a mark
 * is being written may fall on either side of it.
 *
 * <p>Threading: {@link #record} from any thread, without lock or allocation (but for the very first
 * call, and the adders grow under contention, once); reading from any thread; {@link #judgeBy} from
 * one control thread.
 */
public final class ServerSignals implements CallLedger.Recorder {
  /** Longest window that can be read. */
  public static final int SECONDS = 63;

  private static final int MARKS = SECONDS + 1;
  private static final int WIDTH = 6;
  private static final long SECOND_NANOS = 1_000_000_000L;
  private static final long SLOW_NANOS = SECOND_NANOS;
  private static final long WRITING = Long.MIN_VALUE;
  private static final AtomicLongFieldUpdater<ServerSignals> NEXT =
      AtomicLongFieldUpdater.newUpdater(ServerSignals.class, "next");

  /** One edition of the rule. */
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
   * Null: nobody said anything yet; made at the first call, so that starting up loads none of it.
   */
  private volatile @Nullable Judge judge;

  private final LongAdder ok = new LongAdder();
  private final LongAdder errors = new LongAdder();
  private final LongAdder ignored = new LongAdder();
  private final LongAdder slow = new LongAdder();
  private final LongAdder nanos = new LongAdder();

  /** Rows of: number of the second, then the totals when it began. */
  private final AtomicLongArray marks = new AtomicLongArray(MARKS * WIDTH);

  /** When the next mark is due, in nanos since {@link #origin}. */
  private volatile long next;

  /**
   * @param service this JVM's own
   * @param now nano clock
   */
  public ServerSignals(String service, long now) {
    this.service = service;
    this.origin = now;
    for (int i = 0; i < MARKS; i++) {
      marks.set(i * WIDTH, WRITING);
    }
  }

  /** Off the hot path, and kept there: it runs until the first rules come. */
  @SuppressWarnings("NullAway") // judgeBy makes one
  private synchronized Judge first() {
    if (judge == null) {
      judgeBy(Collections.<CircuitBreakerRule>emptyList());
    }
    return judge;
  }

  /** From now on outcomes are judged by the first of these rules, or by the defaults. */
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
      verdict = OutcomeClassifier.FAILURE; // as the breaker has it
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

  @Override
  public void abandon(CallLedger ledger, long now) {}

  private void mark(long now) {
    long due = next;
    long second = (now - origin) / SECOND_NANOS;
    if (now - origin - due < 0 || !NEXT.compareAndSet(this, due, (second + 1) * SECOND_NANOS)) {
      return;
    }
    int row = (int) (second % MARKS) * WIDTH;
    marks.set(row, WRITING);
    marks.set(row + 1, ok.sum());
    marks.set(row + 2, errors.sum());
    marks.set(row + 3, ignored.sum());
    marks.set(row + 4, slow.sum());
    marks.set(row + 5, nanos.sum());
    marks.set(row, second);
  }

  /** Since the start of this JVM. */
  public ServedCalls total() {
    return new ServedCalls(ok.sum(), errors.sum(), ignored.sum(), slow.sum(), nanos.sum());
  }

  /**
   * The second that runs and the whole ones before it, {@code seconds} in all.
   *
   * @param seconds 1 to {@link #SECONDS}
   * @throws IllegalArgumentException when there is no such window
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
    return total.since(total);
  }

  @Override
  public String toString() {
    return service + " " + total();
  }
}
