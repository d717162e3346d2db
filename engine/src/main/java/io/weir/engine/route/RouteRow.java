package io.weir.engine.route;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.instances.Instance;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule;
import org.jspecify.annotations.Nullable;

/**
 * A compiled row of a routing rule: its match, its arms, and how a call gets one of them.
 *
 * <p>An arm is one destination of the row, one entry of {@code to}; here it is a {@link Target}. A
 * row is a <em>table</em> when an arm has a match of its own ({@link RouteRule.Arm#match}). A
 * <em>unit</em> is the attribute value that is hashed so that equal values get the same arm, mostly
 * a user's id. The hash falls on a <em>place</em>, one of the million that {@link WeightedSplit}
 * shares out among the arms.
 */
final class RouteRow {
  final MatchExpression match;
  final RouteRule.Fallback fallback;
  final long timeoutNanos;
  final Target[] targets;
  private final WeightedSplit split;

  /** The match of each arm, null for an arm without; the array is null when this is no table. */
  private final @Nullable MatchExpression @Nullable [] table;

  /**
   * The arms of a table that share the calls which no arm matches; bit i stands for arm i. 0: such
   * calls go on to the next row.
   */
  private final long unmatchedArms;

  private final @Nullable Attribute sticky;
  private final RouteRule.@Nullable Ab ab;
  private final long seed;

  /** What rendezvous hashing hashes to pick an instance; null with the other balancing methods. */
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
    // Without default there is no next stop: then all arms share what no arm matches. The shift
    // counts modulo 64, so -n keeps the lowest n bits.
    unmatchedArms =
        unmatched != 0 || !rule.defaults.isEmpty() ? unmatched : -1L >>> -targets.length;
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

  /** Picks an instance of one of this row's arms; null when the arm has none. */
  <C> @Nullable Instance instance(Target target, AttributeSource<C> source, C call, long now) {
    String unit = hashOn == null ? null : hashOn.read(source, call);
    return unit == null
        ? target.pool.pick(false, 0, now)
        : target.pool.pick(true, XxHash.hash(seed, unit), now);
  }

  /**
   * The arm for a call that this row matches, whether or not the arm has instances; null when this
   * is a table that leaves the call to the next row.
   */
  <C> @Nullable Target choose(AttributeSource<C> source, C call) {
    if (ab != null) {
      return chooseByExperiment(ab, source, call);
    }
    if (table != null) {
      long arms = matchingArms(table, source, call);
      return arms == 0 ? null : targets[split.arm(place(source, call), arms)];
    }
    if (targets.length == 1) {
      return targets[0];
    }
    int place = place(source, call);
    return targets[split.arm(place)];
  }

  /** The arms that take part for this call; bit i stands for arm i. */
  private <C> long matchingArms(
      @Nullable MatchExpression[] table, AttributeSource<C> source, C call) {
    long arms = 0;
    for (int i = 0; i < table.length; i++) {
      if (table[i] != null && table[i].test(source, call)) {
        arms |= 1L << i;
      }
    }
    return arms != 0 ? arms : unmatchedArms;
  }

  /**
   * The place of a call: that of its unit in a sticky row, else a random one. A call of a sticky
   * row without the attribute gets the last place, which is the first arm's unless its weight is 0.
   */
  private <C> int place(AttributeSource<C> source, C call) {
    if (sticky == null) {
      return RandomDraw.fromUpperHalf(RandomDraw.bits(), XxHash.WHOLE);
    }
    String unit = sticky.read(source, call);
    if (unit != null) {
      return XxHash.place(seed, unit);
    }
    counters.unitMissing.increment();
    return XxHash.WHOLE - 1;
  }

  /**
   * The arm of an experiment: named by header, else by query parameter, else by the unit's hash.
   */
  private <C> Target chooseByExperiment(RouteRule.Ab ab, AttributeSource<C> source, C call) {
    Target named = targetNamedBy(ab.header, source, call);
    if (named == null) {
      named = targetNamedBy(ab.query, source, call);
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

  /** The arm that the attribute's value names; null when it is absent or names no arm. */
  private <C> @Nullable Target targetNamedBy(
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

  /** A compiled arm: where its calls go and what is set on them. */
  static final class Target {
    final String name;
    final InstancePool pool;

    /** Headers to set on the call: name, value, name, value ... */
    final String[] headers;

    final RouteCounters.ArmCounts arm;

    /** Copy of {@link RouteCounters.ArmCounts#index}, in an object that each call reads anyway. */
    final int counterIndex;

    /** The row this arm belongs to; set by the row, which is made after its arms. */
    @SuppressWarnings("NullAway.Init")
    RouteRow row;

    Target(String name, InstancePool pool, String[] headers, RouteCounters.ArmCounts arm) {
      this.name = name;
      this.pool = pool;
      this.headers = headers;
      this.arm = arm;
      counterIndex = arm.index;
    }
  }
}
