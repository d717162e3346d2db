package io.weir.engine.route;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.instances.Instance;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule;
import org.jspecify.annotations.Nullable;

/** A row of a routing rule, compiled: whether it is about a call, and which arm the call gets. */
final class RouteRow {
  final MatchExpression match;
  final RouteRule.Fallback fallback;
  final long timeoutNanos;
  final Target[] targets;
  private final WeightedSplit split;

  /** Each arm's own match, null for none; null when this is no table. */
  private final @Nullable MatchExpression @Nullable [] table;

  /** Of a table, the arms that share what no arm matches; 0: that is not this row's business. */
  private final long rest;

  private final @Nullable Attribute sticky;
  private final RouteRule.@Nullable Ab ab;
  private final long seed;

  /** What rendezvous hashing hashes, or null when the load decides otherwise. */
  private final @Nullable Attribute hashOn;

  private final RouteCounters counters;

  RouteRow(RouteRule.Route route, RouteRule rule, Target[] targets, RouteCounters counters) {
    match = route.match;
    fallback = route.fallback;
    timeoutNanos = route.timeoutNanos;
    sticky = route.sticky;
    ab = route.ab;
    split = new WeightedSplit(route.to);
    this.targets = targets;
    for (Target t : targets) {
      t.row = this;
    }
    boolean isTable = false;
    long unmatched = 0;
    for (int i = 0; i < targets.length; i++) {
      if (route.to.get(i).match == null) {
        unmatched |= 1L << i;
      } else {
        isTable = true;
      }
    }
    if (isTable && targets.length > Long.SIZE) {
      throw new IllegalArgumentException("a table has at most 64 rows, not " + targets.length);
    }
    table = isTable ? new MatchExpression[targets.length] : null;
    for (int i = 0; table != null && i < table.length; i++) {
      table[i] = route.to.get(i).match;
    }
    rest = unmatched != 0 || !rule.defaults.isEmpty() ? unmatched : -1L >>> -targets.length;
    seed = XxHash.seed(rule.salt);
    hashOn =
        rule.balance != RouteRule.Balance.RENDEZVOUS
            ? null
            : rule.hashOn != null ? rule.hashOn : route.sticky;
    this.counters = counters;
  }

  boolean isTable() {
    return table != null;
  }

  /** An instance of an arm of this row, or null when it has none. */
  <C> @Nullable Instance instance(Target target, AttributeSource<C> source, C call, long now) {
    String unit = hashOn == null ? null : hashOn.read(source, call);
    return unit == null
        ? target.pool.pick(false, 0, now)
        : target.pool.pick(true, XxHash.hash(seed, unit), now);
  }

  /**
   * The arm this call gets, whether or not it has instances; null when none of a table's rows is
   * about it.
   */
  <C> @Nullable Target choose(AttributeSource<C> source, C call) {
    if (ab != null) {
      return experiment(ab, source, call);
    }
    if (table != null) {
      long among = matching(table, source, call);
      return among == 0 ? null : targets[split.arm(place(source, call), among)];
    }
    if (targets.length == 1) {
      return targets[0];
    }
    int place = place(source, call);
    return targets[split.arm(place)];
  }

  private <C> long matching(@Nullable MatchExpression[] table, AttributeSource<C> source, C call) {
    long among = 0;
    for (int i = 0; i < table.length; i++) {
      if (table[i] != null && table[i].test(source, call)) {
        among |= 1L << i;
      }
    }
    return among != 0 ? among : rest;
  }

  /**
   * A unit's own place, or a random one; without the unit the last: the first arm's, if it has any.
   */
  private <C> int place(AttributeSource<C> source, C call) {
    if (sticky == null) {
      return RandomDraw.upper(RandomDraw.bits(), XxHash.WHOLE);
    }
    String unit = sticky.read(source, call);
    if (unit != null) {
      return XxHash.place(seed, unit);
    }
    counters.unitMissing.increment();
    return XxHash.WHOLE - 1;
  }

  private <C> Target experiment(RouteRule.Ab ab, AttributeSource<C> source, C call) {
    Target named = named(ab.header, source, call);
    if (named == null) {
      named = named(ab.query, source, call);
    }
    if (named != null) {
      return named;
    }
    for (int i = 0; i < ab.user.size(); i++) {
      String unit = ab.user.get(i).read(source, call);
      if (unit != null) {
        return targets[split.arm(XxHash.place(seed, unit))];
      }
    }
    counters.unitMissing.increment();
    return targets[split.arm(XxHash.WHOLE - 1)];
  }

  private <C> @Nullable Target named(
      @Nullable Attribute attribute, AttributeSource<C> source, C call) {
    String name = attribute == null ? null : attribute.read(source, call);
    if (name == null) {
      return null;
    }
    for (Target t : targets) {
      if (name.equals(t.name)) {
        return t;
      }
    }
    counters.armUnknown.increment();
    return null;
  }

  /** An arm: where its calls go and what is set on them. */
  static final class Target {
    final String name;
    final InstancePool pool;
    final String[] headers;
    final RouteCounters.Arm arm;

    /** The arm's {@link RouteCounters.Arm#index}, where each call reads anyway. */
    final int counted;

    /** The row it is an arm of; set by that row, which is made of its arms. */
    @SuppressWarnings("NullAway.Init")
    RouteRow row;

    Target(String name, InstancePool pool, String[] headers, RouteCounters.Arm arm) {
      this.name = name;
      this.pool = pool;
      this.headers = headers;
      this.arm = arm;
      counted = arm.index;
    }
  }
}
