package io.weir.engine.route;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.testing.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A service under test: its instances, its rule, and calls to it. */
final class Service {
  final List<Instance> instances = new ArrayList<>();
  RouteRule.Builder rule = RouteRule.builder().id("r").service("payment");
  final List<RouteRule.Route> routes = new ArrayList<>();
  Locality here = Locality.UNKNOWN;
  Router router;
  long now = -5;

  /** {@code n} instances of a version; labels as name, value, ... */
  Service with(int n, String version, String... labels) {
    for (int i = 0; i < n; i++) {
      instance(version, null, null, 100, labels);
    }
    return this;
  }

  Instance instance(String version, String region, String zone, int weight, String... labels) {
    Instance i =
        new Instance(
            "payment",
            "127.0.0." + (1 + instances.size() / 200),
            8000 + instances.size(),
            version,
            region,
            zone,
            map(labels),
            weight,
            null);
    instances.add(i);
    return i;
  }

  static Map<String, String> map(String... pairs) {
    Map<String, String> m = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      m.put(pairs[i], pairs[i + 1]);
    }
    return m;
  }

  static RouteRule.Arm arm(String version, int weight) {
    return new RouteRule.Arm(version, Collections.emptyMap(), weight);
  }

  static RouteRule.Arm labels(int weight, String... labels) {
    return new RouteRule.Arm(null, map(labels), weight);
  }

  Service route(String match, RouteRule.Fallback fallback, RouteRule.Arm... to) {
    return route(match, null, fallback, to);
  }

  Service route(String match, String sticky, RouteRule.Fallback fallback, RouteRule.Arm... to) {
    routes.add(
        new RouteRule.Route(
            match == null ? MatchExpression.ALWAYS : MatchParser.parse(match),
            match,
            Arrays.asList(to),
            sticky == null ? null : Attribute.parse(sticky),
            fallback,
            Collections.emptyMap(),
            0));
    return this;
  }

  Service defaults(RouteRule.Arm... to) {
    rule.defaults(Arrays.asList(to));
    return this;
  }

  Service build() {
    router =
        Router.build(
            router,
            rule == null ? null : rule.routes(new ArrayList<>(routes)).build(),
            new ArrayList<>(instances),
            here,
            now);
    return this;
  }

  /** The ledger of one call. */
  CallLedger call(Request call) {
    return call(Request.SOURCE, call);
  }

  <C> CallLedger call(AttributeSource<C> source, C call) {
    CallLedger t = new CallLedger();
    t.begin(now, null);
    boolean admitted = router.pick(source, call, now, t);
    if (admitted != (t.refusal() == null)) {
      throw new AssertionError("admitted: " + admitted + ", refusal: " + t.refusal());
    }
    return t;
  }

  /** The version of the instance a call goes to. */
  String version(String... attributes) {
    CallLedger t = call(Request.of(attributes));
    return t.instance() == null ? null : t.instance().version();
  }

  /** How many of {@code n} calls each arm gets. */
  Map<String, Integer> arms(int n, Request call) {
    Map<String, Integer> count = new TreeMap<>();
    for (int i = 0; i < n; i++) {
      count.merge(String.valueOf(call(call).arm()), 1, Integer::sum);
    }
    return count;
  }

  /** How many of {@code n} calls each instance gets. */
  Map<Instance, Integer> spread(int n, Request call) {
    Map<Instance, Integer> count = new HashMap<>();
    for (int i = 0; i < n; i++) {
      count.merge(call(call).instance(), 1, Integer::sum);
    }
    return count;
  }

  /**
   * That {@code hits} of {@code n} agree with probability {@code p}: within 5 standard deviations,
   * which a right router misses once in 1.7 million.
   */
  static void assertShare(int hits, int n, double p) {
    double bound = 5 * Math.sqrt(p * (1 - p) / n) + 0.5 / n;
    assertThat(hits / (double) n)
        .as("%d of %d where %.4f was expected within %.4f", hits, n, p, bound)
        .isBetween(p - bound, p + bound);
  }
}
