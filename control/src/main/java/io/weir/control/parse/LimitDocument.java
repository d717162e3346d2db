package io.weir.control.parse;

import io.weir.engine.rules.LimitRule;
import org.jspecify.annotations.Nullable;

/** {@code rate-limit}. */
final class LimitDocument {
  private static final int INITIAL = 20;

  private LimitDocument() {}

  static LimitRule.Builder read(Fields in) {
    LimitRule.Builder b = Common.fill(LimitRule.builder(), in);
    b.includeHealth(in.bool("include_health"));
    b.includeManagement(in.bool("include_management"));
    boolean rated = in.has("qps") || !in.has("max_concurrent") || in.has("auto");
    LimitRule.Auto auto = auto(in);
    double qps = in.number("qps", auto == null ? 0 : auto.maxQps);
    if (auto != null && (qps < auto.minQps || qps > auto.maxQps)) {
      in.report(Code.CONTRADICTION, "qps", in.at("qps"), "expected within the bounds of auto");
    }
    if (rated) {
      b.qps(qps);
    }
    long burst = in.integer("burst", Math.max(1L, (long) qps));
    int cost = (int) in.integer("cost");
    if (rated && cost > burst) {
      in.report(
          Code.CONTRADICTION,
          "cost",
          in.at("cost"),
          "no call could ever pass: expected at most the burst, " + burst);
    }
    String scope = in.word("scope");
    if (auto != null && scope.equals("cluster")) {
      in.report(
          Code.CONTRADICTION,
          "scope",
          in.at("scope"),
          "auto follows the health of one instance: expected scope instance");
    }
    b.by(Common.attributes(in, "by"));
    int most = (int) in.integer("max_concurrent", 0);
    if (most > 0 && in.has("by")) {
      in.report(
          Code.CONTRADICTION,
          "max_concurrent",
          in.at("max_concurrent"),
          "not with by: give calls under way a rule of their own, without by");
    }
    return b.burst(burst)
        .side(in.word("side", LimitRule.Side.class))
        .scope(scope.equals("cluster") ? LimitRule.Scope.CLUSTER : LimitRule.Scope.INSTANCE)
        .maxWaitNanos(in.integer("max_wait_ms") * 1_000_000L)
        .maxKeys((int) in.integer("max_keys"))
        .onMissing(in.word("on_missing", LimitRule.OnMissing.class))
        .cost(cost)
        .maxConcurrent(most)
        .adaptive(adaptive(in, most))
        .auto(auto)
        .response(Common.response(in));
  }

  private static LimitRule.@Nullable Adaptive adaptive(Fields rule, int most) {
    if (!rule.has("adaptive")) {
      return null;
    }
    if (most == 0) {
      rule.report(
          Code.CONTRADICTION,
          "adaptive",
          rule.at("adaptive"),
          "adapts max_concurrent: expected that, too, as its upper bound");
    }
    Fields in = rule.object("adaptive");
    int min = (int) in.integer("min");
    int initial = (int) in.integer("initial", Math.max(min, Math.min(INITIAL, most)));
    if (most > 0 && (min > most || initial < min || initial > most)) {
      String field = min > most ? "min" : "initial";
      in.report(
          Code.CONTRADICTION,
          field,
          in.at(field),
          "expected min <= initial <= max_concurrent, " + most);
    }
    return new LimitRule.Adaptive(min, initial, in.number("tolerance"));
  }

  private static LimitRule.@Nullable Auto auto(Fields rule) {
    if (!rule.has("auto")) {
      return null;
    }
    Fields in = rule.object("auto");
    LimitRule.Metric metric = in.word("metric", LimitRule.Metric.class);
    double target = in.number("target");
    double min = in.number("min_qps");
    double max = in.number("max_qps");
    if (metric != LimitRule.Metric.P99 && target > 1) {
      in.report(Code.BOUND, "target", in.at("target"), "expected a share, at most 1");
    } else if (metric == LimitRule.Metric.P99 && target < 1 && in.has("target")) {
      in.report(Code.BOUND, "target", in.at("target"), "expected milliseconds, at least 1");
    }
    if (min > max) {
      in.report(
          Code.CONTRADICTION,
          "min_qps",
          in.at("min_qps"),
          "expected at most max_qps, " + Field.plain(max));
    }
    return new LimitRule.Auto(metric, target, min, max);
  }
}
