package io.weir.engine.limit;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Refusal;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.TimedRule;
import io.weir.engine.rules.RateLimitRule;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * One rate limit rule in force: its bucket or table of buckets, its limit on calls under way, its
 * counters. When the rule is edited, a new limiter takes over this running state. The rule of a
 * limiter never changes; its rate does if the rule has {@code auto}.
 */
final class RateLimiter implements RateLimiters.Running, TimedRule {
  // Results of admit().

  /** The rule refuses the call; the ledger holds the refusal. */
  static final int REFUSED = -1;

  /** The rule did not match, or would have refused the call but is in shadow mode. */
  static final int PASSED = 0;

  /** The call has taken its tokens. */
  static final int ADMITTED = 1;

  /** A rate and what follows from it. Replaced as a whole, so a call sees parts of one only. */
  private static final class Rate {
    final double qps;
    final RateTerms terms;

    /** Null for a keyed rule, whose buckets are in its table. */
    final @Nullable TokenBucket bucket;

    final Refusal refusal;

    Rate(double qps, RateTerms terms, @Nullable TokenBucket bucket, Refusal refusal) {
      this.qps = qps;
      this.terms = terms;
      this.bucket = bucket;
      this.refusal = refusal;
    }
  }

  final RateLimitRule rule;

  /** Null: the rule is about every call. */
  private final @Nullable MatchExpression match;

  /** The attributes that make a call's key; empty for a global rule. */
  private final Attribute[] by;

  /** The buckets of a keyed rule; null for a global one, and for a rule without a rate. */
  private final @Nullable KeyedBuckets table;

  /** Null for a rule that only limits calls under way. Written by the control thread. */
  private volatile @Nullable Rate rate;

  /** Null: any number of calls may be under way. */
  private final @Nullable ConcurrencyLimit slots;

  /** The refusal of a call for which no slot is free; null where there are no slots. */
  private final @Nullable Refusal noSlotRefusal;

  /** Latencies of the calls that a rule with auto has admitted; null while nobody reads them. */
  private volatile @Nullable LatencyRecorder latency;

  /** Admitted calls, without those that the bucket has counted since the last move. */
  private final LongAdder hits;

  /** Refused calls; of a shadow rule, those that it would have refused. */
  final LongAdder exceeded;

  /**
   * @param before the limiter of this rule so far, whose running state carries over; null for a new
   *     rule
   */
  RateLimiter(RateLimitRule rule, @Nullable RateLimiter before, long now) {
    this.rule = rule;
    match = rule.match == MatchExpression.ALWAYS ? null : rule.match;
    by = rule.by.toArray(new Attribute[0]);
    hits = before == null ? new LongAdder() : before.hits;
    exceeded = before == null ? new LongAdder() : before.exceeded;
    latency = before == null || rule.auto == null ? null : before.latency;
    if (rule.maxConcurrent == 0) {
      slots = null;
      noSlotRefusal = null;
    } else {
      slots =
          before == null || before.slots == null ? new ConcurrencyLimit(rule, now) : before.slots;
      if (before != null && slots == before.slots) {
        slots.edited(rule, now);
      }
      noSlotRefusal = Refusal.concurrency(rule.id, rule.response);
    }
    Rate old = before == null ? null : before.rate;
    if (!rule.rated) {
      table = null;
      supersede(old);
      return;
    }
    // buckets carry over only if they are for the same keys
    Rate same = before != null && before.rule.by.equals(rule.by) ? old : null;
    boolean tuned = rule.auto != null && before != null && before.rule.auto != null;
    double qps = tuned && old != null ? bounded(old.qps) : rule.qps;
    RateTerms terms = terms(qps, old, now);
    if (by.length == 0) {
      table = null;
      rate = rate(qps, terms, same == null ? TokenBucket.full(terms, now) : same.bucket);
    } else {
      KeyedBuckets t = same == null || before == null ? null : before.table;
      table = t == null ? new KeyedBuckets(rule.maxKeys, terms, now) : t;
      table.edited(terms, now);
      rate = rate(qps, terms, null);
    }
    supersede(old);
  }

  /** Collects the last counts of a bucket that has been replaced. */
  private void supersede(@Nullable Rate old) {
    if (old != null && old.bucket != null) {
      old.bucket.supersede(hits);
    }
  }

  private RateTerms terms(double qps, @Nullable Rate before, long now) {
    return new RateTerms(
        before == null ? 0 : before.terms.generation + 1,
        qps,
        burst(qps),
        rule.maxWaitNanos,
        rule.cost,
        now);
  }

  /** At another rate than the rule's, the burst changes in proportion to the rate. */
  private long burst(double qps) {
    return qps == rule.qps
        ? rule.burst
        : Math.max(rule.cost, Math.max(1, Math.round(rule.burst * (qps / rule.qps))));
  }

  /**
   * @param from the bucket in force so far, which gets a successor; null for a keyed rule
   */
  private Rate rate(double qps, RateTerms terms, @Nullable TokenBucket from) {
    TokenBucket b = from;
    // a bucket may have a successor of an earlier generation, so follow them to the newest
    while (b != null && b.terms != terms) {
      b = b.succeed(terms);
    }
    return new Rate(
        qps,
        terms,
        b,
        Refusal.of(
            Refusal.Kind.LIMIT, rule.id, rule.response, Refusal.policy(rule.id, burst(qps), qps)));
  }

  @SuppressWarnings("NullAway") // called only for a rule with auto
  private double bounded(double qps) {
    return Math.max(rule.auto.minQps, Math.min(qps, rule.auto.maxQps));
  }

  @Override
  @SuppressWarnings("NullAway") // a rule with auto is rated
  public void retune(double wanted, long now) {
    Rate old = rate;
    double qps = bounded(wanted);
    if (qps == old.qps) {
      return;
    }
    RateTerms terms = terms(qps, old, now);
    if (table != null) {
      table.edited(terms, now);
    }
    rate = rate(qps, terms, old.bucket);
    supersede(old);
  }

  @Override
  public RateLimitRule rule() {
    return rule;
  }

  @Override
  public double qps() {
    Rate r = rate;
    return r == null ? Double.POSITIVE_INFINITY : r.qps;
  }

  @Override
  public long admitted() {
    Rate r = rate;
    if (r != null && r.bucket != null) {
      r.bucket.moveCountTo(hits);
    }
    return hits.sum();
  }

  @Override
  public long exceeded() {
    return exceeded.sum();
  }

  @Override
  public int concurrencyLimit() {
    return slots == null ? 0 : slots.limit();
  }

  @Override
  public int inFlight() {
    return slots == null ? 0 : slots.inFlight();
  }

  boolean isKeyed() {
    return table != null;
  }

  @Nullable KeyedBuckets table() {
    return table;
  }

  @Override
  public @Nullable LatencyRecorder latency() {
    return latency;
  }

  @Override
  public void time(LatencyRecorder by) {
    latency = by;
  }

  /** Whether the rule leaves this call alone, as a health check or a call to a management port. */
  boolean exempts(CallLedger ledger) {
    return ledger.isExempt(rule, rule.includeManagement);
  }

  /**
   * Decides about a call and counts the decision. This method handles the usual rule, one rate for
   * all calls, and is small so that the JIT compiler inlines it; everything else has methods of its
   * own.
   *
   * @return {@link #REFUSED}, {@link #PASSED} or {@link #ADMITTED}
   */
  <C> int admit(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (match != null && !match.test(source, call)) {
      return PASSED;
    }
    if (slots != null && !takeSlot(ledger)) {
      return rule.shadow ? PASSED : REFUSED;
    }
    Rate r = rate;
    if (r == null) {
      hits.increment();
      return ADMITTED;
    }
    TokenBucket bucket = r.bucket;
    if (bucket == null) {
      return admitKeyed(r, source, call, now, ledger);
    }
    long result = bucket.take(now);
    if (result >= 0) {
      ledger.took(bucket, r.terms.tokens);
      bucket.count(hits);
      return admitAfter(result, ledger);
    }
    return refused(r, result, now, ledger);
  }

  @SuppressWarnings("NullAway") // a rate without a bucket has a table
  private <C> int admitKeyed(
      Rate r, AttributeSource<C> source, C call, long now, CallLedger ledger) {
    long key = KeyHash.START;
    boolean complete = true;
    for (Attribute a : by) {
      String value = a.read(source, call);
      if (value == null) {
        complete = false;
        break;
      }
      key = KeyHash.add(key, value);
    }
    long result;
    if (complete) {
      result = table.take(key, r.terms, rule.maxKeys, now, ledger);
    } else if (rule.onMissing == RateLimitRule.OnMissing.SKIP) {
      return PASSED;
    } else if (rule.onMissing == RateLimitRule.OnMissing.REJECT) {
      result = ~0L; // refused, and a retry never succeeds
    } else {
      result = table.takeMissing(r.terms, now, ledger);
    }
    if (result < 0) {
      return refused(r, result, now, ledger);
    }
    hits.increment();
    return admitAfter(result, ledger);
  }

  /**
   * Takes a slot for a call under way. False when none is free: counted, and unless in shadow mode
   * refused in the ledger.
   */
  @SuppressWarnings("NullAway") // where there are slots there is a refusal
  private boolean takeSlot(CallLedger ledger) {
    if (slots.take()) {
      ledger.holds(slots);
      return true;
    }
    exceeded.increment();
    if (!rule.shadow) {
      ledger.refuseFull(noSlotRefusal, slots.limit());
    }
    return false;
  }

  private int admitAfter(long wait, CallLedger ledger) { // wait is 0 unless the call is paced
    if (wait > 0 && !rule.shadow) {
      ledger.waitAtLeast(wait);
    }
    return ADMITTED;
  }

  /**
   * @param result of {@link TokenBucket#take}: the complement of the nanos until a retry
   */
  private int refused(Rate r, long result, long now, CallLedger ledger) {
    exceeded.increment();
    if (rule.shadow) {
      if (slots != null) {
        ledger.letGo(now); // frees the slot taken above: the rule would have refused the call
      }
      return PASSED;
    }
    ledger.refuse(r.refusal, ~result);
    return REFUSED;
  }
}
