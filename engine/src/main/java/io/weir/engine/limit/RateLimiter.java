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
 * One rule in force, with its bucket or its table of buckets and its places. Immutable but for what
 * those hold, the counts, which an edited rule's next edition takes over, and the rate of a rule
 * that is tuned.
 */
final class RateLimiter implements RateLimiters.Running, TimedRule {
  /** Answers of {@link #admit}. */
  static final int REFUSED = -1;

  /** The rule is not about this call. */
  static final int PASSED = 0;

  static final int ADMITTED = 1;

  /** A rate in force; replaced as a whole, so that a call sees all of one. */
  private static final class Rate {
    final double qps;
    final RateTerms terms;
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
  private final @Nullable MatchExpression match;
  private final Attribute[] by;
  private final @Nullable KeyedBuckets table;

  /** Null: this rule limits calls under way only. Written by the control thread. */
  private volatile @Nullable Rate rate;

  /** Null: any number of calls may be under way. */
  private final @Nullable ConcurrencyLimit slots;

  private final @Nullable Refusal full;

  /** How long the calls took that a rule with auto let in; null: nobody reads it. */
  private volatile @Nullable LatencyRecorder latency;

  /** Decisions so far, but for what the bucket has counted since it was last asked. */
  private final LongAdder hits;

  /** A shadow rule's are what it would have decided. */
  final LongAdder exceeded;

  /**
   * @param before the edition of this rule so far, or null
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
      full = null;
    } else {
      slots =
          before == null || before.slots == null ? new ConcurrencyLimit(rule, now) : before.slots;
      if (before != null && slots == before.slots) {
        slots.edited(rule, now);
      }
      full = Refusal.concurrency(rule.id, rule.response);
    }
    Rate old = before == null ? null : before.rate;
    if (!rule.rated) {
      table = null;
      leave(old);
      return;
    }
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
    leave(old);
  }

  private void leave(@Nullable Rate old) {
    if (old != null && old.bucket != null) {
      old.bucket.leave(hits);
    }
  }

  private RateTerms terms(double qps, @Nullable Rate before, long now) {
    return new RateTerms(
        before == null ? 0 : before.terms.edition + 1,
        qps,
        burst(qps),
        rule.maxWaitNanos,
        rule.cost,
        now);
  }

  /** A tuned rate's burst lasts as long as the rule's own does at the rule's own rate. */
  private long burst(double qps) {
    return qps == rule.qps
        ? rule.burst
        : Math.max(rule.cost, Math.max(1, Math.round(rule.burst * (qps / rule.qps))));
  }

  /**
   * @param from the bucket that stands for this rule so far; null where a table does
   */
  private Rate rate(double qps, RateTerms terms, @Nullable TokenBucket from) {
    TokenBucket b = from;
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

  @SuppressWarnings("NullAway") // asked only of a rule with auto
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
    leave(old);
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
      r.bucket.move(hits);
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

  boolean keyed() {
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

  /** Whether the rule is not about a call that {@link CallLedger#mayBeExempt may be exempt}. */
  boolean exempts(CallLedger ledger) {
    return ledger.isExempt(rule, rule.includeManagement);
  }

  /**
   * Decides and counts. The usual rule, a rate for all calls, in one small method that the compiler
   * takes into its caller whole; what fewer rules have stands in methods of its own.
   */
  <C> int admit(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (match != null && !match.test(source, call)) {
      return PASSED;
    }
    if (slots != null && !holds(ledger)) {
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
      return waits(result, ledger);
    }
    return refused(r, result, now, ledger);
  }

  @SuppressWarnings("NullAway") // no bucket: there is a table
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
      result = ~0L;
    } else {
      result = table.takeMissing(r.terms, now, ledger);
    }
    if (result < 0) {
      return refused(r, result, now, ledger);
    }
    hits.increment();
    return waits(result, ledger);
  }

  /** Takes a place among the calls under way; false: none is left, and the ledger says so. */
  @SuppressWarnings("NullAway") // where there are slots there is a refusal
  private boolean holds(CallLedger ledger) {
    if (slots.take()) {
      ledger.holds(slots);
      return true;
    }
    exceeded.increment();
    if (!rule.shadow) {
      ledger.refuseFull(full, slots.limit());
    }
    return false;
  }

  private int waits(long wait, CallLedger ledger) {
    if (wait > 0 && !rule.shadow) {
      ledger.waitAtLeast(wait);
    }
    return ADMITTED;
  }

  private int refused(Rate r, long result, long now, CallLedger ledger) {
    exceeded.increment();
    if (rule.shadow) {
      if (slots != null) {
        ledger.letGo(now); // it would not have been let in
      }
      return PASSED;
    }
    ledger.refuse(r.refusal, ~result);
    return REFUSED;
  }
}
