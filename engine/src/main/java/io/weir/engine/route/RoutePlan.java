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

/** A rule compiled for one protocol, and what is asked after it. Immutable. */
final class RoutePlan {
  private static final String[] NO_HEADERS = new String[0];

  /** Null: about every call. */
  private final @Nullable MatchExpression about;

  private final boolean shadow;
  private final RouteRow[] rows;

  /** Null: none of the rows are asked together. */
  private final RouteLookup @Nullable [] runs;

  /** The rule's own default, or null. */
  private final @Nullable RouteRow defaults;

  private final InstancePool untagged;

  /** Instances of each colour; null when there are none. */
  private final @Nullable Map<String, InstancePool> coloured;

  /** Null without a rule: then what cannot be routed stays untouched. */
  private final @Nullable Refusal refusal;

  private final RouteCounters counters;

  /** Of the rule that is asked after this one, or null. */
  private final @Nullable RoutePlan next;

  RoutePlan(
      MatchExpression about,
      boolean shadow,
      RouteRow[] rows,
      @Nullable RouteRow defaults,
      InstancePool untagged,
      Map<String, InstancePool> coloured,
      @Nullable Refusal refusal,
      RouteCounters counters,
      @Nullable RoutePlan next) {
    this.about = about == MatchExpression.ALWAYS ? null : about;
    this.shadow = shadow;
    this.rows = rows;
    runs = RouteLookup.among(rows);
    this.defaults = defaults;
    this.untagged = untagged;
    this.coloured = coloured.isEmpty() ? null : coloured;
    this.refusal = refusal;
    this.counters = counters;
    this.next = next;
  }

  <C> boolean pick(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    Target target;
    try {
      target = about == null || about.test(source, call) ? choose(source, call) : null;
    } catch (RuntimeException unreadable) {
      counters.failed.increment();
      target = defaults == null ? null : defaults.targets[0];
    }
    if (shadow || target == null) {
      return passOn(target, source, call, now, ledger);
    }
    RouteRow row = target.row;
    Instance i = row.instance(target, source, call, now);
    if (i == null) {
      target.arm.nowhere.increment();
      return fallBack(row, source, call, now, ledger);
    }
    i.chosen(row == defaults ? Reason.DEFAULT : Reason.ROUTE, target.counted);
    ledger.routed(i, target.name, row.timeoutNanos, target.headers);
    return true;
  }

  /** The arm of the first row that is about the call, else of the default; null for neither. */
  private <C> @Nullable Target choose(AttributeSource<C> source, C call) {
    for (int n = 0; n < rows.length; n++) {
      RouteRow r = rows[n];
      RouteLookup run = runs == null ? null : runs[n];
      if (run != null) {
        r = run.find(source, call);
        n += run.length - 1;
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
   * This rule does not send the call anywhere.
   *
   * @param wouldBe where a shadow rule would have sent it, or null
   */
  private <C> boolean passOn(
      @Nullable Target wouldBe, AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (wouldBe != null) {
      wouldBe.arm.nowhere.increment();
    }
    return next != null
        ? next.pick(source, call, now, ledger)
        : anyone(source, call, now, ledger, shadow ? null : refusal, Reason.ANY);
  }

  private <C> boolean fallBack(
      RouteRow row, AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (row != defaults && row.fallback == Fallback.NONE) {
      return refuse(ledger, refusal);
    }
    counters.fellBack.increment();
    return row == defaults || row.fallback == Fallback.DEFAULT
        ? byDefault(source, call, now, ledger)
        : anyone(source, call, now, ledger, refusal, Reason.FALLBACK);
  }

  private <C> boolean byDefault(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (defaults == null) {
      return next != null
          ? next.byDefault(source, call, now, ledger)
          : anyone(source, call, now, ledger, refusal, Reason.FALLBACK);
    }
    // among the default arms every one with instances will do
    for (Target t : defaults.targets) {
      Instance i = defaults.instance(t, source, call, now);
      if (i != null) {
        i.chosen(Reason.FALLBACK, t.counted);
        ledger.routed(i, t.name, defaults.timeoutNanos, t.headers);
        return true;
      }
    }
    return refuse(ledger, refusal);
  }

  /** The call's own colour, else the untagged. */
  private <C> boolean anyone(
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

  private boolean refuse(CallLedger ledger, @Nullable Refusal refusal) {
    if (refusal == null) {
      return true;
    }
    counters.refused.increment();
    return ledger.refuse(refusal, 0);
  }
}
