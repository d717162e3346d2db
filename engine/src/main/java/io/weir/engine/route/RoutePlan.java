package io.weir.engine.route;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Refusal;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.SelectionCounters.Reason;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.route.RouteRow.Target;
import io.weir.engine.rules.RouteRule.Fallback;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One routing rule compiled for one protocol, linked to the plan of the service's next rule.
 * Without any rule, a plan with no rows, which picks among the untagged instances.
 *
 * <p>Untagged instances are those without the label {@code canary}. The colour of an instance is
 * the value of that label. Immutable.
 */
final class RoutePlan {
  private static final String[] NO_HEADERS = new String[0];

  /** Which calls the whole rule is about; null: every call. */
  private final @Nullable MatchExpression match;

  private final boolean shadow;
  private final RouteRow[] rows;

  /** Look-ups that replace rows; null: every row is evaluated by itself. */
  private final RouteLookup @Nullable [] lookups;

  /** The rule's own default, or null. */
  private final @Nullable RouteRow defaults;

  private final InstancePool untagged;

  /** Instances of each colour; null when there are none. */
  private final @Nullable Map<String, InstancePool> coloured;

  /**
   * What a call gets for which no instance is found. Null without a rule or without a live
   * instance: then such a call is not routed, and goes where the application sent it.
   */
  private final @Nullable Refusal refusal;

  private final RouteCounters counters;

  /** Plan of the rule that is evaluated after this one, or null. */
  private final @Nullable RoutePlan next;

  RoutePlan(
      MatchExpression match,
      boolean shadow,
      RouteRow[] rows,
      @Nullable RouteRow defaults,
      InstancePool untagged,
      Map<String, InstancePool> coloured,
      @Nullable Refusal refusal,
      RouteCounters counters,
      @Nullable RoutePlan next) {
    this.match = match == MatchExpression.ALWAYS ? null : match;
    this.shadow = shadow;
    this.rows = rows;
    lookups = RouteLookup.findIn(rows);
    this.defaults = defaults;
    this.untagged = untagged;
    this.coloured = coloured.isEmpty() ? null : coloured;
    this.refusal = refusal;
    this.counters = counters;
    this.next = next;
  }

  /**
   * Chooses an instance and notes it in the ledger.
   *
   * @return false when the call is refused; the ledger holds the refusal
   */
  <C> boolean pick(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    Target target;
    try {
      target = match == null || match.test(source, call) ? choose(source, call) : null;
    } catch (RuntimeException unreadable) {
      counters.failed.increment();
      target = defaults == null ? null : defaults.targets[0];
    }
    if (shadow || target == null) {
      return skip(target, source, call, now, ledger);
    }
    RouteRow row = target.row;
    Instance i = row.instance(target, source, call, now);
    if (i == null) {
      target.arm.withoutInstance.increment();
      return pickFallback(row, source, call, now, ledger);
    }
    i.chosen(row == defaults ? Reason.DEFAULT : Reason.ROUTE, target.counterIndex);
    ledger.routed(i, target.name, row.timeoutNanos, target.headers);
    return true;
  }

  /** The arm given by the first row that takes the call, else by the default; null for neither. */
  private <C> @Nullable Target choose(AttributeSource<C> source, C call) {
    for (int n = 0; n < rows.length; n++) {
      RouteRow r = rows[n];
      RouteLookup lookup = lookups == null ? null : lookups[n];
      if (lookup != null) {
        r = lookup.find(source, call);
        n += lookup.length - 1;
      } else if (!r.match.test(source, call)) {
        r = null;
      }
      Target target = r == null ? null : r.choose(source, call);
      if (target != null) {
        return target;
      }
    }
    return defaults == null ? null : defaults.choose(source, call);
  }

  /**
   * Leaves the call to the next rule or, after the last one, to the untagged instances.
   *
   * @param shadowTarget where this rule would have sent the call if it were not a shadow, or null
   */
  private <C> boolean skip(
      @Nullable Target shadowTarget,
      AttributeSource<C> source,
      C call,
      long now,
      CallLedger ledger) {
    if (shadowTarget != null) {
      shadowTarget.arm.withoutInstance.increment();
    }
    return next != null
        ? next.pick(source, call, now, ledger)
        : pickByColour(source, call, now, ledger, shadow ? null : refusal, Reason.ANY);
  }

  /** The arm chosen by this row has no instance: does what the row's {@code fallback} says. */
  private <C> boolean pickFallback(
      RouteRow row, AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (row != defaults && row.fallback == Fallback.NONE) {
      return refuse(ledger, refusal);
    }
    counters.fellBack.increment();
    return row == defaults || row.fallback == Fallback.DEFAULT
        ? pickDefault(source, call, now, ledger)
        : pickByColour(source, call, now, ledger, refusal, Reason.FALLBACK);
  }

  /** Picks from the default arms: this rule's, else those of the next rule that has some. */
  private <C> boolean pickDefault(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (defaults == null) {
      return next != null
          ? next.pickDefault(source, call, now, ledger)
          : pickByColour(source, call, now, ledger, refusal, Reason.FALLBACK);
    }
    // the drawn arm may be empty: any default arm with an instance will do
    for (Target t : defaults.targets) {
      Instance i = defaults.instance(t, source, call, now);
      if (i != null) {
        i.chosen(Reason.FALLBACK, t.counterIndex);
        ledger.routed(i, t.name, defaults.timeoutNanos, t.headers);
        return true;
      }
    }
    return refuse(ledger, refusal);
  }

  /**
   * Picks an instance of the call's own colour if there is one, else an untagged one.
   *
   * @param otherwise the refusal when there is neither; null: then the call is not routed
   */
  private <C> boolean pickByColour(
      AttributeSource<C> source,
      C call,
      long now,
      CallLedger ledger,
      @Nullable Refusal otherwise,
      Reason reason) {
    Reason why = reason;
    Instance i = null;
    if (coloured != null) {
      String colour = source.tag(call, Instance.CANARY);
      InstancePool own = colour == null ? null : coloured.get(colour);
      i = own == null ? null : own.pick(false, 0, now);
      why = i == null ? reason : Reason.COLOUR;
    }
    if (i == null) {
      i = untagged.pick(false, 0, now);
    }
    if (i == null) {
      return refuse(ledger, otherwise);
    }
    i.chosen(why);
    ledger.routed(i, null, 0, NO_HEADERS);
    return true;
  }

  /** Refuses the call and returns false; without a refusal lets it go unrouted and returns true. */
  private boolean refuse(CallLedger ledger, @Nullable Refusal refusal) {
    if (refusal == null) {
      return true;
    }
    counters.refused.increment();
    return ledger.refuse(refusal, 0);
  }
}
