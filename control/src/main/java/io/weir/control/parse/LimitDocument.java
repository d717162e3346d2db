package io.weir.control.parse;

import io.weir.engine.rules.LimitRule;

/** {@code rate-limit}. */
final class LimitDocument {
  private LimitDocument() {}

  static LimitRule.Builder read(Fields in) {
    LimitRule.Builder b = Common.fill(LimitRule.builder(), in);
    double qps = in.number("qps");
    long burst = in.integer("burst", Math.max(1L, (long) qps));
    int cost = (int) in.integer("cost");
    if (cost > burst) {
      in.report(
          Code.CONTRADICTION,
          "cost",
          in.at("cost"),
          "no call could ever pass: expected at most the burst, " + burst);
    }
    String scope = in.word("scope");
    return b.qps(qps)
        .burst(burst)
        .by(Common.attributes(in, "by"))
        .side(in.word("side", LimitRule.Side.class))
        .scope(scope.equals("cluster") ? LimitRule.Scope.CLUSTER : LimitRule.Scope.INSTANCE)
        .maxWaitNanos(in.integer("max_wait_ms") * 1_000_000L)
        .maxKeys((int) in.integer("max_keys"))
        .onMissing(in.word("on_missing", LimitRule.OnMissing.class))
        .cost(cost)
        .response(Common.response(in));
  }
}
