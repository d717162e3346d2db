package io.weir.engine.limit;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Refusal;
import io.weir.engine.call.Ticket;
import io.weir.engine.match.Match;
import io.weir.engine.rules.LimitRule;
import java.util.concurrent.atomic.LongAdder;

/**
 * One rule in force, with its bucket or its table of buckets. Immutable but for what those hold and
 * the counts, which an edited rule's next edition takes over.
 */
final class Limit {
  final LimitRule rule;
  private final Match match;
  private final Attribute[] by;
  private final Terms terms;
  private final Bucket bucket;
  private final KeyTable table;
  private final Refusal refusal;

  /** Decisions so far; a shadow rule's are what it would have decided. */
  final LongAdder hits;

  final LongAdder exceeded;

  /**
   * @param before the edition of this rule so far, or null
   */
  Limit(LimitRule rule, Limit before, long now) {
    this.rule = rule;
    match = rule.match == Match.ALWAYS ? null : rule.match;
    by = rule.by.toArray(new Attribute[0]);
    terms =
        new Terms(
            before == null ? 0 : before.terms.edition + 1,
            rule.qps,
            rule.burst,
            rule.maxWaitNanos,
            rule.cost,
            now);
    boolean same = before != null && before.rule.by.equals(rule.by);
    if (by.length == 0) {
      Bucket b = same ? before.bucket : Bucket.full(terms, now);
      while (b.terms != terms) {
        b = b.succeed(terms);
      }
      bucket = b;
      table = null;
    } else {
      bucket = null;
      table = same ? before.table : new KeyTable(rule.maxKeys, terms, now);
      table.edited(terms, now);
    }
    hits = before == null ? new LongAdder() : before.hits;
    exceeded = before == null ? new LongAdder() : before.exceeded;
    refusal =
        Refusal.of(
            Refusal.Kind.LIMIT,
            rule.id,
            rule.response,
            Refusal.policy(rule.id, rule.burst, rule.qps));
  }

  boolean keyed() {
    return table != null;
  }

  KeyTable table() {
    return table;
  }

  /** Decides and counts; false when refused. */
  <C> boolean admit(AttributeSource<C> source, C call, long now, Ticket ticket) {
    if (match != null && !match.test(source, call)) {
      return true;
    }
    long result;
    if (table == null) {
      result = bucket.take(now);
      if (result >= 0) {
        ticket.took(bucket, terms.tokens);
      }
    } else {
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
      if (complete) {
        result = table.take(key, terms, rule.maxKeys, now, ticket);
      } else if (rule.onMissing == LimitRule.OnMissing.SKIP) {
        return true;
      } else if (rule.onMissing == LimitRule.OnMissing.REJECT) {
        result = ~0L;
      } else {
        result = table.takeMissing(terms, now, ticket);
      }
    }
    if (result >= 0) {
      hits.increment();
      if (result > 0 && !rule.shadow) {
        ticket.waitAtLeast(result);
      }
      return true;
    }
    exceeded.increment();
    return rule.shadow || ticket.refuse(refusal, ~result);
  }
}
