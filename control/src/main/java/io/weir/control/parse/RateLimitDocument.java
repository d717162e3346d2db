package io.weir.control.parse;

import io.weir.engine.rules.RateLimitRule;
import org.jspecify.annotations.Nullable;

/** Reads documents of the kind {@code rate-limit}. */
final class RateLimitDocument {
  /** The default of {@code adaptive.initial}. */
  private static final int INITIAL = 20;

  private RateLimitDocument() {}

  static RateLimitRule.Builder read(FieldReader in) {
    RateLimitRule.Builder b = CommonFields.fill(RateLimitRule.builder(), in);
    b.includeHealth(in.bool("include_health"));
    b.includeManagement(in.bool("include_management"));
    // without qps and auto, max_concurrent is a rule of its own and limits no rate
    boolean limitsRate = in.has("qps") || !in.has("max_concurrent") || in.has("auto");
    RateLimitRule.Auto auto = auto(in);
    double qps = in.number("qps", auto == null ? 0 : auto.maxQps);
    if (auto != null && (qps < auto.minQps || qps > auto.maxQps)) {
      in.report(
          ProblemCode.CONTRADICTION, "qps", in.at("qps"), "expected within the bounds of auto");
    }
    if (limitsRate) {
      b.qps(qps);
    }
    long burst = in.integer("burst", Math.max(1L, (long) qps));
    int cost = (int) in.integer("cost");
    if (limitsRate && cost > burst) {
      in.report(
          ProblemCode.CONTRADICTION,
          "cost",
          in.at("cost"),
          "no call could ever pass: expected at most the burst, " + burst);
    }
    String scope = in.word("scope");
    if (auto != null && scope.equals("cluster")) {
      in.report(
          ProblemCode.CONTRADICTION,
          "scope",
          in.at("scope"),
          "auto follows the health of one instance: expected scope instance");
    }
    b.by(CommonFields.attributes(in, "by"));
    int maxConcurrent = (int) in.integer("max_concurrent", 0);
    if (maxConcurrent > 0 && in.has("by")) {
      in.report(
          ProblemCode.CONTRADICTION,
          "max_concurrent",
          in.at("max_concurrent"),
          "not with by: give calls under way a rule of their own, without by");
    }
    return b.burst(burst)
        .side(in.word("side", RateLimitRule.Side.class))
        .scope(scope.equals("cluster") ? RateLimitRule.Scope.CLUSTER : RateLimitRule.Scope.INSTANCE)
        .maxWaitNanos(in.integer("max_wait_ms") * 1_000_000L)
        .maxKeys((int) in.integer("max_keys"))
        .onMissing(in.word("on_missing", RateLimitRule.OnMissing.class))
        .cost(cost)
        .maxConcurrent(maxConcurrent)
        .adaptive(adaptive(in, maxConcurrent))
        .auto(auto)
        .response(CommonFields.response(in));
  }

  private static RateLimitRule.@Nullable Adaptive adaptive(FieldReader rule, int maxConcurrent) {
    if (!rule.has("adaptive")) {
      return null;
    }
    if (maxConcurrent == 0) {
      rule.report(
          ProblemCode.CONTRADICTION,
          "adaptive",
          rule.at("adaptive"),
          "adapts max_concurrent: expected that, too, as its upper bound");
    }
    FieldReader in = rule.object("adaptive");
    int min = (int) in.integer("min");
    int initial = (int) in.integer("initial", Math.max(min, Math.min(INITIAL, maxConcurrent)));
    if (maxConcurrent > 0 && (min > maxConcurrent || initial < min || initial > maxConcurrent)) {
      String field = min > maxConcurrent ? "min" : "initial";
      in.report(
          ProblemCode.CONTRADICTION,
          field,
          in.at(field),
          "expected min <= initial <= max_concurrent, " + maxConcurrent);
    }
    return new RateLimitRule.Adaptive(min, initial, in.number("tolerance"));
  }

  private static RateLimitRule.@Nullable Auto auto(FieldReader rule) {
    if (!rule.has("auto")) {
      return null;
    }
    FieldReader in = rule.object("auto");
    RateLimitRule.Metric metric = in.word("metric", RateLimitRule.Metric.class);
    double target = in.number("target");
    double min = in.number("min_qps");
    double max = in.number("max_qps");
    if (metric != RateLimitRule.Metric.P99 && target > 1) {
      in.report(ProblemCode.BOUND, "target", in.at("target"), "expected a share, at most 1");
    } else if (metric == RateLimitRule.Metric.P99 && target < 1 && in.has("target")) {
      in.report(ProblemCode.BOUND, "target", in.at("target"), "expected milliseconds, at least 1");
    }
    if (min > max) {
      in.report(
          ProblemCode.CONTRADICTION,
          "min_qps",
          in.at("min_qps"),
          "expected at most max_qps, " + FieldSpec.plain(max));
    }
    return new RateLimitRule.Auto(metric, target, min, max);
  }
}
