package io.weir.engine.route;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.instances.Instance;
import io.weir.engine.match.Match;
import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule;
import java.util.concurrent.atomic.LongAdder;

/** A row of a routing rule, compiled: whether it is about a call, and which arm the call gets. */
final class Row {
  final Match match;
  final RouteRule.Fallback fallback;
  final long timeoutNanos;
  final Target[] targets;
  private final Split split;
  private final Attribute sticky;
  private final RouteRule.Ab ab;
  private final long seed;

  /** What rendezvous hashing hashes, or null when the load decides otherwise. */
  private final Attribute hashOn;

  private final Counters counters;

  Row(RouteRule.Route route, RouteRule rule, Target[] targets, Counters counters) {
    match = route.match;
    fallback = route.fallback;
    timeoutNanos = route.timeoutNanos;
    sticky = route.sticky;
    ab = route.ab;
    split = new Split(route.to);
    this.targets = targets;
    seed = XxHash.seed(rule.salt);
    hashOn =
        rule.balance != RouteRule.Balance.RENDEZVOUS
            ? null
            : rule.hashOn != null ? rule.hashOn : route.sticky;
    this.counters = counters;
  }

  /** An instance of an arm of this row, or null when it has none. */
  <C> Instance instance(Target target, AttributeSource<C> source, C call, long now) {
    String unit = hashOn == null ? null : hashOn.read(source, call);
    return unit == null
        ? target.pool.pick(false, 0, now)
        : target.pool.pick(true, XxHash.hash(seed, unit), now);
  }

  /** The arm this call gets, whether or not it has instances. */
  <C> Target choose(AttributeSource<C> source, C call) {
    if (targets.length == 1 && ab == null) {
      return targets[0];
    }
    if (ab != null) {
      return experiment(source, call);
    }
    if (sticky != null) {
      String unit = sticky.read(source, call);
      return unit == null ? missing() : targets[split.arm(XxHash.place(seed, unit))];
    }
    return targets[split.arm(Draw.upper(Draw.bits(), XxHash.WHOLE))];
  }

  private <C> Target experiment(AttributeSource<C> source, C call) {
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
    return missing();
  }

  private <C> Target named(Attribute attribute, AttributeSource<C> source, C call) {
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

  private Target missing() {
    counters.unitMissing.increment();
    return targets[0];
  }

  /** An arm: where its calls go and what is set on them. */
  static final class Target {
    final String name;
    final Pool pool;
    final String[] headers;
    final LongAdder count;

    Target(String name, Pool pool, String[] headers, LongAdder count) {
      this.name = name;
      this.pool = pool;
      this.headers = headers;
      this.count = count;
    }
  }
}
