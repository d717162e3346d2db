package io.weir.control.parse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.instances.Instance;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.Rule;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RuleParserTest {
  private static final String LIMIT = "/service/order-service/rate-limit";
  private static final String BREAKER = "/service/payment-service/circuit-breaker";
  private static final String ROUTE = "/service/order-service/route";

  static RuleParser.Parsed parse(String key, String text) {
    return RuleParser.parse(RuleKey.parse(key), text.getBytes(StandardCharsets.UTF_8), key + "@7");
  }

  @SuppressWarnings("unchecked")
  private static <R extends Rule> R one(String key, String text) {
    RuleParser.Parsed p = parse(key, text);
    assertThat(p.problems).isEmpty();
    assertThat(p.rules).hasSize(1);
    return (R) p.rules.get(0);
  }

  private static RuleProblem refusal(String key, String text) {
    RuleParser.Parsed p = parse(key, text);
    assertThat(p.refusal()).as("refusal of %s", text).isNotNull();
    assertThat(p.rules).isEmpty();
    return p.refusal();
  }

  private static RuleProblem warning(String key, String text) {
    RuleParser.Parsed p = parse(key, text);
    assertThat(p.refusal()).isNull();
    assertThat(p.rules).isNotEmpty();
    assertThat(p.problems).hasSize(1);
    return p.problems.get(0);
  }

  @Nested
  class BothSpellings {
    @Test
    void theArticlesBareLimiterIsRead() {
      RateLimitRule r =
          one(
              LIMIT,
              "{\n\"enabled\": true,\n\"qps\": 5000,\n\"burst\": 10000,\n"
                  + "\"by\": [\"header:X-Region\", \"query:userId\"]\n}");
      assertThat(r.id).isEqualTo("default");
      assertThat(r.service).isEqualTo("order-service");
      assertThat(r.qps).isEqualTo(5000);
      assertThat(r.burst).isEqualTo(10000);
      assertThat(r.by).hasToString("[header:X-Region, query:userId]");
      assertThat(r.enabled).isTrue();
      assertThat(r.shadow).isFalse();
      assertThat(r.origin).isEqualTo(LIMIT + "@7");
    }

    @Test
    void theArticlesEnvelopeIsRead() {
      RateLimitRule r =
          one(
              LIMIT,
              "{\"id\": \"r-7a2f\", \"type\": \"rate-limit\", \"version\": \"2.1\","
                  + " \"spec\": {\"qps\": 100, \"burst\": 50, \"scope\": \"service\"}}");
      assertThat(r.id).isEqualTo("r-7a2f");
      assertThat(r.qps).isEqualTo(100);
      assertThat(r.scope).isEqualTo(RateLimitRule.Scope.INSTANCE);
    }

    @Test
    void theArticlesRoutingTableIsRead() {
      RouteRule r =
          one(
              ROUTE,
              "- weight: 95%\n  version: v2.3.0\n  match: \"header:X-Env == 'prod'\"\n"
                  + "- weight: 5%\n  version: v2.4.0\n  match: \"header:X-Canary == 'true'\"\n");
      assertThat(r.defaults).isEmpty();
      List<RouteRule.Arm> table = r.routes.get(0).to;
      assertThat(table).extracting(a -> a.version).containsExactly("v2.3.0", "v2.4.0");
      assertThat(table).extracting(a -> a.weight).containsExactly(9500, 500);
      assertThat(table)
          .extracting(a -> a.match.toString())
          .containsExactly("header:X-Env == 'prod'", "header:X-Canary == 'true'");
    }

    @Test
    void theArticlesExperimentIsRead() {
      RouteRule r =
          one(
              ROUTE,
              "ab: {header: X-Ab-Version, query: ab_version,\n"
                  + "     user: \"cookie:uid | header:X-User-Id | jwt:sub\",\n"
                  + "     arms: [{v1.0: 34}, {v1.1: 33%}, {v1.2: 33}]}\n"
                  + "default: [{version: v1.0}]\n"
                  + "balance: rendezvous\n"
                  + "hash_on: cookie:uid\n");
      RouteRule.Route route = r.routes.get(0);
      assertThat(route.to).extracting(a -> a.version).containsExactly("v1.0", "v1.1", "v1.2");
      assertThat(route.to).extracting(a -> a.weight).containsExactly(34, 3300, 33);
      assertThat(route.ab.header).hasToString("header:X-Ab-Version");
      assertThat(route.ab.query).hasToString("query:ab_version");
      assertThat(route.ab.user)
          .extracting(Object::toString)
          .containsExactly("cookie:uid", "header:X-User-Id", "jwt:sub");
      assertThat(r.hashOn).hasToString("cookie:uid");
      assertThat(one(ROUTE, "ab: {user: cookie:u, arms: {a: 1, b: 2}}").fingerprint)
          .isEqualTo(one(ROUTE, "ab: {user: cookie:u, arms: [{a: 1}, {b: 2}]}").fingerprint)
          .isNotEqualTo(one(ROUTE, "ab: {user: cookie:u, arms: {a: 1, b: 3}}").fingerprint);
    }

    @Test
    void yamlWithCommentsMeansTheSameAsJson() {
      Rule yaml = one(LIMIT, "# the limit\nqps: 0.5   # one in two seconds\nburst: 3\n");
      Rule json = one(LIMIT, "{\"burst\": 3, \"qps\": 0.5}");
      assertThat(yaml.fingerprint).isEqualTo(json.fingerprint);
    }

    @Test
    void wordsThatYamlOnceTookForBooleansStayText() {
      assertThat(one(LIMIT, "id: off\nqps: 5").id).isEqualTo("off");
      RouteRule r = one(ROUTE, "default: [{version: no, labels: {zone: y, tier: On}}]");
      assertThat(r.defaults.get(0).version).isEqualTo("no");
      assertThat(r.defaults.get(0).labels).isEqualTo(Map.of("zone", "y", "tier", "On"));
    }

    @Test
    void aLimitOnCallsUnderWayNeedsNoRateAndMayAdapt() {
      RateLimitRule fixed = (RateLimitRule) one(LIMIT, "max_concurrent: 50");
      assertThat(fixed.rated).isFalse();
      assertThat(fixed.maxConcurrent).isEqualTo(50);
      assertThat(fixed.adaptive).isNull();
      RateLimitRule both = (RateLimitRule) one(LIMIT, "{qps: 7, max_concurrent: 8, adaptive: {}}");
      assertThat(both.rated).isTrue();
      assertThat(both.qps).isEqualTo(7);
      assertThat(both.adaptive.min).isOne();
      assertThat(both.adaptive.initial).isEqualTo(8);
      assertThat(both.adaptive.tolerance).isEqualTo(1.5);
    }

    @Test
    void aTunedRateStartsWhereTheRuleSaysOrAtItsUpperBound() {
      RateLimitRule r =
          (RateLimitRule)
              one(LIMIT, "auto: {metric: error_ratio, target: 0.05, min_qps: 10, max_qps: 500}");
      assertThat(r.rated).isTrue();
      assertThat(r.qps).isEqualTo(500);
      assertThat(r.auto.metric).isEqualTo(RateLimitRule.Metric.ERROR_RATIO);
      assertThat(r.auto.target).isEqualTo(0.05);
      RateLimitRule p99 =
          (RateLimitRule) one(LIMIT, "{qps: 80, auto: {target: 250, min_qps: 10, max_qps: 500}}");
      assertThat(p99.qps).isEqualTo(80);
      assertThat(p99.auto.metric).isEqualTo(RateLimitRule.Metric.P99);
    }

    @ParameterizedTest
    @ValueSource(strings = {"false", "off", "no", "n", "False", "OFF"})
    void whereTrueOrFalseIsWantedYamlsWordsForThemDo(String no) {
      assertThat(one(LIMIT, "qps: 5\nenabled: " + no).enabled).isFalse();
      assertThat(one(LIMIT, "qps: 5\nenabled: " + no).fingerprint)
          .isEqualTo(one(LIMIT, "{\"qps\": 5, \"enabled\": false}").fingerprint);
    }

    @Test
    void writtenOutDefaultsMeanTheSame() {
      assertThat(one(LIMIT, "{\"qps\": 10}").fingerprint)
          .isEqualTo(one(LIMIT, "enabled: true\nqps: 10.0\nburst: 10\nmode: enforce").fingerprint)
          .isNotEqualTo(one(LIMIT, "{\"qps\": 11}").fingerprint);
    }

    @Test
    void aListUnderOneKeyIsSeveralRules() {
      RuleParser.Parsed p = parse(LIMIT + "/api", "- qps: 5\n- qps: 6\n- {id: third, qps: 7}");
      assertThat(p.problems).isEmpty();
      assertThat(p.rules).extracting(r -> r.id).containsExactly("api", "api-2", "third");
    }

    @Test
    void wholeRoutingRulesAreRead() {
      RouteRule r =
          one(
              ROUTE,
              "routes:\n"
                  + "  - match: \"header:X-Canary == 'true'\"\n"
                  + "    to: [{version: v2.4.0, weight: 100}]\n"
                  + "  - match: \"header:X-Env == 'prod'\"\n"
                  + "    to: [{version: v2.3.0, weight: 95}, {version: v2.4.0, weight: 5}]\n"
                  + "    sticky: header:X-User-Id\n"
                  + "    fallback: default\n"
                  + "    timeout_ms: 250\n"
                  + "    set_headers: {X-Arm: b}\n"
                  + "default: [{version: v2.3.0, labels: {zone: cn-*}}]\n"
                  + "region: {prefer: same, spill_below: 0.5}\n");
      assertThat(r.routes).hasSize(2);
      assertThat(r.routes.get(1).to).extracting(a -> a.weight).containsExactly(95, 5);
      assertThat(r.routes.get(1).sticky).hasToString("header:X-User-Id");
      assertThat(r.routes.get(1).fallback).isEqualTo(RouteRule.Fallback.DEFAULT);
      assertThat(r.routes.get(1).timeoutNanos).isEqualTo(250_000_000L);
      assertThat(r.routes.get(1).setHeaders).isEqualTo(Map.of("X-Arm", "b"));
      assertThat(r.defaults.get(0).labels).isEqualTo(Map.of("zone", "cn-*"));
      assertThat(r.preferSameRegion).isTrue();
      assertThat(r.spillBelow).isEqualTo(0.5);
      assertThat(r.salt).isEqualTo("default");
    }

    @Test
    void aBreakerHasTheSeedsDefaults() {
      CircuitBreakerRule r = one(BREAKER, "{}");
      assertThat(r.countWindow).isTrue();
      assertThat(r.windowSize).isEqualTo(20);
      assertThat(r.failureRatio).isEqualTo(0.6);
      assertThat(r.openNanos).isEqualTo(60_000_000_000L);
      assertThat(r.probeSuccesses).isEqualTo(3);
      assertThat(r.recordStatus).containsExactly("5xx");
      assertThat(r.recordGrpc).contains("UNAVAILABLE", "DEADLINE_EXCEEDED");
      assertThat(r.fleet).isTrue();
      assertThat(r.quorumAuto()).isTrue();
      CircuitBreakerRule auto = one(BREAKER, "quorum: auto");
      assertThat(auto.quorumAuto()).isTrue();
      CircuitBreakerRule one = one(BREAKER, "quorum: 1");
      assertThat(one.quorumAuto()).isFalse();
      assertThat(one.quorum).isEqualTo(1);
      CircuitBreakerRule none = one(BREAKER, "quorum: 0%");
      assertThat(none.quorum).isEqualTo(1);
    }

    @Test
    void breakerFieldsAreRead() {
      CircuitBreakerRule r =
          one(
              BREAKER,
              "window: {type: time, seconds: 30}\nmin_calls: 5\nopen_seconds: 0.5\n"
                  + "quorum: 30%\nforce: open\nsharing: local\nrecord: {status: [503, 500-502]}\n"
                  + "ignore: {exceptions: [java.io.EOFException], grpc: [INTERNAL]}\n");
      assertThat(r.countWindow).isFalse();
      assertThat(r.windowSeconds).isEqualTo(30);
      assertThat(r.openNanos).isEqualTo(500_000_000L);
      assertThat(r.quorumShare).isEqualTo(0.3);
      assertThat(r.force).isEqualTo(CircuitBreakerRule.Force.OPEN);
      assertThat(r.fleet).isFalse();
      assertThat(r.recordStatus).containsExactly("503", "500-502");
      assertThat(r.ignoreExceptions).containsExactly("java.io.EOFException");
    }

    @Test
    void aTimeWindowHoldsAtLeastMinSeconds() {
      RuleProblem p = refusal(BREAKER, "window: {type: time, seconds: 2}\nmin_seconds: 30");
      assertThat(p.code).isEqualTo(ProblemCode.CONTRADICTION);
      assertThat(p.field).isEqualTo("min_seconds");
      assertThat(p.toString()).contains("at most its seconds, 2");
      one(BREAKER, "window: {type: time, seconds: 30}\nmin_seconds: 30");
      one(BREAKER, "window: {type: count, size: 20}\nmin_seconds: 30");
    }

    @Test
    void aQuorumIsANumberOrAShareAndNotBoth() {
      CircuitBreakerRule share = one(BREAKER, "quorum: 30%");
      assertThat(share.quorumShare).isEqualTo(0.3);
      assertThat(share.quorum).isZero();
      assertThat(share.quorumAuto()).isFalse();
    }

    @Test
    void aListInAListIsNoBreaker() {
      assertThat(refusal(BREAKER, "[[{failure_ratio: 0.5}]]").toString())
          .contains("expected a rule, an object");
    }

    @Test
    void anExperimentWithAFormatVersionIsNoTable() {
      RouteRule r = one(ROUTE, "version: '1.0'\nab: {user: 'cookie:u', arms: {a: 1, b: 2}}");
      assertThat(r.fingerprint)
          .isEqualTo(one(ROUTE, "ab: {user: 'cookie:u', arms: {a: 1, b: 2}}").fingerprint);
    }

    @Test
    void leavingIsAFieldHoweverTheRegistrationIsWritten() {
      for (String text : new String[] {"{\"leaving\": true}", "leaving: true", "{leaving: true}"}) {
        assertThat(RuleParser.isLeaving(text.getBytes(UTF_8))).as(text).isTrue();
      }
      for (String text :
          new String[] {
            "alive", "leaving", "leaving: false", "{labels: {leaving: true}}", "{\"leaving\": tr"
          }) {
        assertThat(RuleParser.isLeaving(text.getBytes(UTF_8))).as(text).isFalse();
      }
    }

    @Test
    void aSmallCountWindowLowersMinCalls() {
      assertThat(CircuitBreakerRule.class.cast(one(BREAKER, "window: {size: 5}")).minCalls)
          .isEqualTo(5);
    }
  }

  @Nested
  class Versions {
    @Test
    void aFieldOfANewerMinorIsIgnoredAndReported() {
      RuleProblem p = warning(LIMIT, "{version: '2.9', spec: {qps: 5, turbo: yes}}");
      assertThat(p.code).isEqualTo(ProblemCode.NEWER_FIELD);
      assertThat(p.field).isEqualTo("spec.turbo");
    }

    @Test
    void anUnknownFieldOfAKnownVersionIsReportedWithASuggestion() {
      RuleProblem p = warning(LIMIT, "qps: 5\nmaxWaitMs: 10");
      assertThat(p.code).isEqualTo(ProblemCode.UNKNOWN_FIELD);
      assertThat(p.suggestion).isEqualTo("max_wait_ms");
      assertThat(p.toString()).contains("did you mean max_wait_ms?").contains(":2:");
    }

    @Test
    void anOlderMinorGetsDefaults() {
      assertThat(RateLimitRule.class.cast(one(LIMIT, "{version: 2.0, spec: {qps: 5}}")).burst)
          .isEqualTo(5);
    }

    @Test
    void renamedFieldsAreReadThroughTheirAliases() {
      RateLimitRule r = one(LIMIT, "rate: 5\ncapacity: 9");
      assertThat(r.qps).isEqualTo(5);
      assertThat(r.burst).isEqualTo(9);
      assertThat(refusal(LIMIT, "rate: 5\nqps: 6").code).isEqualTo(ProblemCode.TWO_SPELLINGS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"'3.0'", "0.9", "'9'", "latest", "'2.x'", "[]"})
    void anotherMajorIsRefused(String version) {
      RuleProblem p = refusal(LIMIT, "{version: " + version + ", spec: {qps: 5}}");
      assertThat(p.code).isEqualTo(ProblemCode.VERSION);
    }

    @Test
    void aRemovedRequiredFieldIsRefused() {
      RuleProblem p = refusal(LIMIT, "{version: '2.9', spec: {burst: 5}}");
      assertThat(p.code).isEqualTo(ProblemCode.REQUIRED);
      assertThat(p.field).isEqualTo("spec.qps");
    }

    @Test
    void aTypeThatIsNotTheKeysIsRefused() {
      RuleProblem p = refusal(LIMIT, "{type: route, spec: {qps: 5}}");
      assertThat(p.code).isEqualTo(ProblemCode.TYPE);
      assertThat(p.toString()).contains("'route'").contains("expected rate-limit");
    }

    @Test
    void aFieldBesideTheSpecIsRefusedNotIgnored() {
      assertThat(refusal(LIMIT, "{enabled: false, spec: {qps: 5}}").code)
          .isEqualTo(ProblemCode.MISPLACED);
    }
  }

  @Nested
  class Refusals {
    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "{\"qps\": -5} | BOUND | qps",
          "qps: 1\\nburst: 0 | BOUND | burst",
          "qps: 1\\nburst: 1.5 | BOUND | burst",
          "qps: .nan | KIND | qps",
          "qps: 0x10 | KIND | qps",
          "qps: 010 | KIND | qps",
          "qps: 1e999 | BOUND | qps",
          "qps: '5' | KIND | qps",
          "qps: [5] | KIND | qps",
          "qps: 5\\nmode: shdow | WORD | mode",
          "qps: 5\\nenabled: 1 | KIND | enabled",
          "qps: 5\\nby: [cookies] | ATTRIBUTE | by",
          "qps: 5\\nmatch: path === '/x' | MATCH | match",
          "qps: 5\\nburst: 2\\ncost: 3 | CONTRADICTION | cost",
          "burst: 5 | REQUIRED | qps",
          "max_concurrent: 0 | BOUND | max_concurrent",
          "max_concurrent: 5\\nby: [path] | CONTRADICTION | max_concurrent",
          "qps: 5\\nadaptive: {min: 2} | CONTRADICTION | adaptive",
          "max_concurrent: 5\\nadaptive: {min: 6} | CONTRADICTION | adaptive.min",
          "max_concurrent: 5\\nadaptive: {initial: 6} | CONTRADICTION | adaptive.initial",
          "max_concurrent: 5\\nadaptive: {tolerance: 1} | BOUND | adaptive.tolerance",
          "auto: {target: 200, min_qps: 1} | REQUIRED | auto.max_qps",
          "auto: {target: 200, min_qps: 9, max_qps: 5} | CONTRADICTION | auto.min_qps",
          "auto: {metric: cpu, target: 70, min_qps: 1, max_qps: 5} | BOUND | auto.target",
          "auto: {target: 0.2, min_qps: 1, max_qps: 5} | BOUND | auto.target",
          "qps: 9\\nauto: {target: 200, min_qps: 1, max_qps: 5} | CONTRADICTION | qps",
          "scope: cluster\\nauto: {target: 200, min_qps: 1, max_qps: 5} | CONTRADICTION | scope",
          "qps: 5\\nresponse: {status: 42} | BOUND | response.status",
          "qps: 5\\nresponse: {headers: {\"a b\": c}} | KIND | response.headers",
          "qps: 5\\nresponse: {headers: {a: \"b\\r\\nc\"}} | KIND | response.headers",
          "qps: 5\\nid: 'a b' | KIND | id",
          "burst: 5 | REQUIRED | qps",
        })
    void aBadLimiterNamesTheFieldTheValueAndTheBound(String text, ProblemCode code, String field) {
      String document =
          text.contains("\\r") ? text.replaceFirst("\\\\n", "\n") : text.replace("\\n", "\n");
      RuleProblem p = refusal(LIMIT, document);
      assertThat(p.code).as(p.toString()).isEqualTo(code);
      assertThat(p.field).isEqualTo(field);
    }

    /** They break the message for its reader, or smuggle a second one. */
    @ParameterizedTest
    @ValueSource(
        strings = {
          "Content-Length",
          "content-length",
          "Transfer-Encoding",
          "Content-Encoding",
          "Content-Range",
          "Trailer",
          "Expect",
          "Connection",
          "CONNECTION",
          "Keep-Alive",
          "Proxy-Connection",
          "Proxy-Authenticate",
          "Proxy-Authorization",
          "TE",
          "Upgrade",
          "HTTP2-Settings",
          "Host",
          ":status",
          ":authority",
          "grpc-status",
          "Grpc-Message",
          "grpc-timeout",
          "grpc-encoding",
          "grpc-retry-pushback-ms",
        })
    void aHeaderOfFramingOrOfTheConnectionIsRefusedWhereverARuleSetsOne(String name) {
      for (RuleProblem p :
          List.of(
              refusal(LIMIT, "qps: 5\nresponse: {headers: {'" + name + "': '5'}}"),
              refusal(BREAKER, "response: {headers: {X-Fine: a, '" + name + "': '5'}}"),
              refusal(ROUTE, "routes: [{to: [{version: a}], set_headers: {'" + name + "': '5'}}]"),
              refusal(ROUTE, "ab: {header: '" + name + "', arms: {a: 1}}"))) {
        assertThat(p.code).as(p.toString()).isEqualTo(ProblemCode.KIND);
        assertThat(p.field).isIn("response.headers", "routes[0].set_headers", "ab.header");
        assertThat(p.toString().toLowerCase(Locale.ROOT))
            .contains("'" + name.toLowerCase(Locale.ROOT) + "'")
            .contains("remove it");
      }
    }

    /** An answer's body is the rule's own, a call's is the application's. */
    @Test
    void aRuleMaySayWhatItsAnswersBodyIsButNotWhatACallsBodyIs() {
      assertThat(
              parse(LIMIT, "qps: 5\nresponse: {body: '<p>', headers: {Content-Type: text/html}}")
                  .problems)
          .isEmpty();
      assertThat(
              refusal(
                      ROUTE,
                      "routes: [{to: [{version: a}], set_headers: {content-type: text/html}}]")
                  .toString())
          .contains("routes[0].set_headers")
          .contains("'content-type' describes the body")
          .contains("remove it");
    }

    @Test
    void theMessageIsOneLineWithPlaceValueAndBound() {
      assertThat(refusal(LIMIT, "# a\nqps:   -5\n"))
          .hasToString(
              "WEIR1102 /service/order-service/rate-limit:2:8 qps is -5: expected a number from 0"
                  + " to 1000000000");
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "{to: []} | REQUIRED",
          "routes: [{match: \"path == '/'\"}] | REQUIRED",
          "routes: [{to: [{version: a, weight: 0}, {version: b, weight: 0}]}] | WEIGHTS",
          "routes: [{to: []}] | WEIGHTS",
          "[{weight: 0, version: a}] | WEIGHTS",
          "routes: [{to: [{version: a, weight: -1}]}] | BOUND",
          "routes: [{to: [{version: a}], sticky: nobody}] | ATTRIBUTE",
          "{table: [{version: a}], routes: [{to: [{version: b}]}]} | CONTRADICTION",
          "{table: [{version: a}], ab: {user: path, arms: {a: 1}}} | CONTRADICTION",
          "table: [{version: a, weight: 0}] | WEIGHTS",
          "ab: {user: path} | REQUIRED",
          "ab: {arms: {a: 1}} | REQUIRED",
          "ab: {user: path, arms: {a: 0}} | WEIGHTS",
          "ab: {user: path, arms: {a: -1}} | BOUND",
          "ab: {user: path, arms: [{a: 1}, {a: 2}]} | CONTRADICTION",
          "ab: {user: path, arms: 5} | KIND",
          "ab: {user: nobody, arms: {a: 1}} | ATTRIBUTE",
          "{hash_on: nobody, default: [{version: a}]} | ATTRIBUTE",
          "routes: [5] | KIND",
        })
    void aBadRouteIsRefused(String text, ProblemCode code) {
      assertThat(refusal(ROUTE, text).code).isEqualTo(code);
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "failure_ratio: 0 | BOUND",
          "failure_ratio: 1.01 | BOUND",
          "{window: {size: 10}, min_calls: 11} | CONTRADICTION",
          "{open_seconds: 60, max_open_seconds: 30} | CONTRADICTION",
          "record: {status: [6xx]} | KIND",
          "ignore: {status: [504-500]} | KIND",
          "record: {grpc: [UNAVAILBLE]} | WORD",
          "quorum: 0 | BOUND",
          "quorum: 130% | BOUND",
          "quorum: automatic | KIND",
          "window: 20 | KIND",
        })
    void aBadBreakerIsRefused(String text, ProblemCode code) {
      assertThat(refusal(BREAKER, text).code).isEqualTo(code);
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "{\"qps\": 5 | SYNTAX",
          "{\"qps\": 5} {\"qps\": 6} | SEVERAL_DOCUMENTS",
          "qps: 5\\n---\\nqps: 6 | SEVERAL_DOCUMENTS",
          "{\"qps\": 5, \"qps\": 6} | DUPLICATE_FIELD",
          "qps: 5\\nqps: 6 | DUPLICATE_FIELD",
          "qps: &a 5\\nburst: *a | YAML_EXTRAS",
          "qps: !!java.net.URL [x] | YAML_EXTRAS",
          "[] | EMPTY",
          "# nothing | EMPTY",
          "5 | KIND",
          "qps: [ | SYNTAX",
          "- {id: a, qps: 1}\\n- {id: a, qps: 2} | DUPLICATE_ID",
        })
    void aBadDocumentIsRefused(String text, ProblemCode code) {
      assertThat(refusal(LIMIT, text.replace("\\n", "\n")).code).isEqualTo(code);
    }

    @Test
    void anEmptyDocumentIsRefused() {
      assertThat(refusal(LIMIT, "").code).isEqualTo(ProblemCode.EMPTY);
    }

    @Test
    void brokenUtf8IsRefusedWithItsPlace() {
      byte[] bytes = {'q', 'p', 's', ':', '\n', (byte) 0xC3, '5'};
      RuleProblem p = RuleParser.parse(RuleKey.parse(LIMIT), bytes, "x").refusal();
      assertThat(p.code).isEqualTo(ProblemCode.ENCODING);
      assertThat(p.line).isEqualTo(2);
    }

    @Test
    void sizeDepthAndCountAreBounded() {
      assertThat(refusal(LIMIT, "#".repeat(DocumentReader.MAX_BYTES + 1)).code)
          .isEqualTo(ProblemCode.TOO_LARGE);
      assertThat(refusal(LIMIT, "[".repeat(100_000)).code).isEqualTo(ProblemCode.TOO_DEEP);
      assertThat(refusal(LIMIT, "{a: ".repeat(1000)).code).isEqualTo(ProblemCode.TOO_DEEP);
      assertThat(refusal(LIMIT, "- ".repeat(1000)).code).isEqualTo(ProblemCode.TOO_DEEP);
      assertThat(refusal(LIMIT, "[" + "1,".repeat(30_000) + "1]").code)
          .isEqualTo(ProblemCode.TOO_LARGE);
    }

    @Test
    void aYamlBombIsRefusedNotExpanded() {
      StringBuilder bomb = new StringBuilder("a0: &a0 [x]\n");
      for (int i = 1; i < 30; i++) {
        bomb.append("a" + i + ": &a" + i + " [*a" + (i - 1) + ", *a" + (i - 1) + "]\n");
      }
      assertThat(refusal(LIMIT, bomb.toString()).code).isEqualTo(ProblemCode.YAML_EXTRAS);
    }

    @Test
    void noMessageIsANovel() {
      String novel = "x".repeat(3000);
      for (String text :
          new String[] {
            "qps: 5\nby: ['" + novel + "']",
            "qps: 5\nmatch: \"" + novel + "\"",
            "qps: 5\nresponse: {headers: {'" + novel + " y': v}}",
            "qps: '" + novel + "'",
            "'" + novel + "': 1\nburst: 0",
          }) {
        assertThat(refusal(LIMIT, text).toString().length()).as(text).isLessThan(1000);
      }
      assertThat(refusal(BREAKER, "record: {status: ['" + novel + "']}").toString().length())
          .isLessThan(1000);
    }

    @Test
    void messagesCarryNoControlCharacters() {
      String m = refusal(LIMIT, "{\"qps\": \"\\u001b[31m\\n\"}").toString();
      assertThat(m.chars()).noneMatch(Character::isISOControl);
    }

    @Test
    void ofEndlessProblemsAHundredAreToldAndNoneIsForgiven() {
      StringBuilder many = new StringBuilder("{\"burst\": 0");
      for (int i = 0; i < 5000; i++) {
        many.append(", \"x").append(i).append("\": 1");
      }
      RuleParser.Parsed p = parse(LIMIT, many + "}");
      assertThat(p.problems).hasSize(102);
      assertThat(p.refusal()).isNotNull();
      assertThat(p.rules).isEmpty();
    }

    @Test
    void allProblemsOfADocumentAreFoundAtOnce() {
      assertThat(parse(LIMIT, "qps: -1\nburst: 0\nmode: x").problems).hasSize(3);
    }
  }

  @Nested
  class Keys {
    @ParameterizedTest
    @CsvSource({
      "/service/a/rate-limit,LIMIT",
      "/service/*/rate-limit,LIMIT",
      "/service/a/circuit-breaker/x,BREAKER",
      "/service/a/route,ROUTE",
      "/service/a/off,SERVICE_OFF",
      "/service/a/force,FORCE",
      "/service/a/force/x,FORCE",
      "/service/a/force/,UNKNOWN",
      "/service/a/force/x/y,UNKNOWN",
      "/service/*/force,UNKNOWN",
      "/weir/off,OFF",
      "/services/a/instances/10.0.0.1:80,INSTANCE",
      "/services/a/instances/[::1]:80,INSTANCE",
      "/services/a/instances/host,UNKNOWN",
      "/services/a/instances/host:0,UNKNOWN",
      "/services/a/instances/host:99999,UNKNOWN",
      "/service/a/ratelimit,UNKNOWN",
      "/service//rate-limit,UNKNOWN",
      "/service/a,UNKNOWN",
      "/service/a/rate-limit/x/y,UNKNOWN",
      "/service/a b/route,UNKNOWN",
      "/services/*/instances/h:1,UNKNOWN",
      "/else,FOREIGN",
      "'',FOREIGN",
    })
    void areToldApart(String key, RuleKey.Kind kind) {
      assertThat(RuleKey.parse(key).kind).isEqualTo(kind);
    }

    @Test
    void anOperatorMayWriteAForceAsHeLikes() {
      for (String open : new String[] {"open", "OPEN\n", "\"open\"", "{\"force\": \"open\"}"}) {
        assertThat(RuleParser.force(open.getBytes(StandardCharsets.UTF_8)))
            .isEqualTo(CircuitBreakerRule.Force.OPEN);
      }
      assertThat(RuleParser.force("closed".getBytes(StandardCharsets.UTF_8)))
          .isEqualTo(CircuitBreakerRule.Force.CLOSED);
      assertThat(RuleParser.force("none".getBytes(StandardCharsets.UTF_8)))
          .isEqualTo(CircuitBreakerRule.Force.NONE);
      byte[] wrong = "opne".getBytes(StandardCharsets.UTF_8);
      assertThat(RuleParser.force(wrong)).isNull();
      assertThat(RuleParser.forceProblem(RuleKey.parse("/service/a/force"), wrong))
          .hasToString(
              "WEIR1104 /service/a/force force is opne: expected open, closed or none; did you mean"
                  + " open?");
    }

    @Test
    void aMisspelledTypeGetsASuggestion() {
      assertThat(RuleKey.parse("/service/a/ratelimit").complaint)
          .contains("did you mean rate-limit?");
    }
  }

  @Nested
  class Instances {
    private Instance read(String text, List<RuleProblem> problems) {
      return RuleParser.instance(
          RuleKey.parse("/services/a/instances/10.0.0.1:8080"),
          text.getBytes(StandardCharsets.UTF_8),
          problems);
    }

    @ParameterizedTest
    @ValueSource(strings = {"alive", "\"alive\"", "", "alive\n"})
    void aliveIsEnough(String text) {
      List<RuleProblem> problems = new ArrayList<>();
      Instance i = read(text, problems);
      assertThat(problems).isEmpty();
      assertThat(i).hasToString("10.0.0.1:8080");
      assertThat(i.weight()).isEqualTo(100);
      assertThat(i.version()).isNull();
    }

    @Test
    void labelsAreRead() {
      List<RuleProblem> problems = new ArrayList<>();
      Instance i =
          read(
              "{\"region\":\"cn-east-2\",\"zone\":\"cn-east-2a\",\"version\":\"v2.4.0\","
                  + "\"labels\":{\"canary\":\"true\"},\"weight\":50,\"protocol\":\"http\"}",
              problems);
      assertThat(problems).isEmpty();
      assertThat(i.version()).isEqualTo("v2.4.0");
      assertThat(i.labels()).isEqualTo(Map.of("canary", "true"));
      assertThat(i.weight()).isEqualTo(50);
    }

    @Test
    void nonsenseIsRefused() {
      List<RuleProblem> problems = new ArrayList<>();
      assertThat(read("[1, 2]", problems)).isNull();
      assertThat(problems).hasSize(1);
    }
  }
}
