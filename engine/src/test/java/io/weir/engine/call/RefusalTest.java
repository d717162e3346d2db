package io.weir.engine.call;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RefusalTest {
  private static List<String> headers(Refusal r, long retryAfterNanos) {
    CallLedger ledger = new CallLedger();
    ledger.begin(0, null);
    ledger.refuse(r, retryAfterNanos);
    List<String> lines = new ArrayList<>();
    r.headers(ledger, (n, v) -> lines.add(n + ": " + v));
    return lines;
  }

  @Test
  void aLimitAnswersAsTheDraftSays() {
    Refusal r =
        Refusal.of(
            Refusal.Kind.LIMIT,
            "default",
            RefusalResponse.DEFAULT,
            Refusal.policy("default", 10_000, 5000));
    assertThat(r.status()).isEqualTo(429);
    assertThat(r.grpcStatus()).isEqualTo(8);
    assertThat(r.contentType()).isEqualTo("application/problem+json");
    assertThat(headers(r, 1))
        .containsExactly(
            "X-Weir-Rejected: default",
            "Retry-After: 1",
            "RateLimit-Policy: \"default\";q=10000;w=2",
            "RateLimit: \"default\";r=0;t=1");
    assertThat(headers(r, 1_000_000_001L)).contains("Retry-After: 2");
    assertThat(new String(r.bodyBytes(), StandardCharsets.UTF_8))
        .isEqualTo(
            "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\","
                + "\"title\":\"Request cannot be satisfied as assigned quota has been exceeded\","
                + "\"status\":429,\"violated-policies\":[\"default\"]}");
    assertThat(r.description()).isEqualTo("rate limit \"default\" exceeded");
  }

  @Test
  void theRuleSaysWhatItWants() {
    Map<String, String> wished = new LinkedHashMap<>();
    wished.put("content-type", "text/html");
    wished.put("retry-after", "7");
    wished.put("X-Why", "busy");
    Refusal r =
        Refusal.of(
            Refusal.Kind.LIMIT,
            "a",
            new RefusalResponse(503, wished, "later", false),
            Refusal.policy("a", 1, 0.5));
    assertThat(r.status()).isEqualTo(503);
    assertThat(r.contentType()).isEqualTo("text/html");
    assertThat(r.body()).isEqualTo("later");
    assertThat(headers(r, 1))
        .containsExactly(
            "X-Weir-Rejected: a",
            "RateLimit-Policy: \"a\";q=1;w=2",
            "RateLimit: \"a\";r=0;t=1",
            "retry-after: 7",
            "X-Why: busy");
  }

  @Test
  void theIdOfTheDecisionIsSentOnceWhateverTheRuleSays() {
    Refusal r =
        Refusal.of(
            Refusal.Kind.LIMIT,
            "a",
            new RefusalResponse(429, Map.of("x-weir-decision", "mine"), null, false),
            null);
    assertThat(headers(r, 0)).containsExactly("X-Weir-Rejected: a", "x-weir-decision: mine");
    CallLedger ledger = new CallLedger();
    ledger.begin(0, null);
    ledger.refuse(r, 0);
    ledger.named("d-1");
    List<String> lines = new ArrayList<>();
    r.headers(ledger, (n, v) -> lines.add(n + ": " + v));
    assertThat(lines).containsExactly("X-Weir-Rejected: a", "X-Weir-Decision: d-1");
  }

  @Test
  void nothingInARuleSplitsAHeaderOrTheBody() {
    String id = "a\r\nSet-Cookie: x\"\\\u00e9";
    Refusal r =
        Refusal.of(
            Refusal.Kind.LIMIT,
            id,
            new RefusalResponse(0, Collections.singletonMap("X\r\nY", "a\r\nb\nc"), null, false),
            Refusal.policy(id, 1, 1));
    assertThat(headers(r, 1)).allSatisfy(h -> assertThat(h).matches("[ -~]*"));
    assertThat(r.body()).contains("[\"a??Set-Cookie: x\\\"\\\\?\"]").matches("[ -~]*");
    assertThat(r.description()).matches("[ -~]*");
  }

  @Test
  void anOpenBreakerIsUnavailable() {
    Refusal r = Refusal.of(Refusal.Kind.BREAKER, "b", RefusalResponse.DEFAULT, null);
    assertThat(r.status()).isEqualTo(503);
    assertThat(r.grpcStatus()).isEqualTo(14);
    assertThat(headers(r, 0)).containsExactly("X-Weir-Rejected: b");
    assertThat(headers(r, 2_000_000_000L)).containsExactly("X-Weir-Rejected: b", "Retry-After: 2");
    assertThat(r.body()).as("names the rule").contains("circuit breaker \\\"b\\\" is open");
  }

  @Test
  void pushbackIsRoundedUp() {
    CallLedger t = new CallLedger();
    t.refuse(null, 1_000_001);
    assertThat(t.retryPushbackMillis()).isEqualTo(2);
    t.refuse(null, Long.MAX_VALUE);
    assertThat(t.retryAfterSeconds()).isPositive();
    assertThat(t.retryPushbackMillis()).isPositive();
  }

  @Test
  void aRoutingRuleWithoutAnInstanceIsUnavailableToo() {
    Refusal r = Refusal.of(Refusal.Kind.ROUTE, "r", RefusalResponse.DEFAULT, null);
    assertThat(r.status()).isEqualTo(503);
    assertThat(r.grpcStatus()).isEqualTo(14);
    assertThat(r.kind()).isEqualTo(Refusal.Kind.ROUTE);
    assertThat(r.policy()).isNull();
    assertThat(r.throwing()).isFalse();
    assertThat(r.description()).isEqualTo("routing rule \"r\" leaves no instance");
    assertThat(r.body())
        .isEqualTo(
            "{\"type\":\"https://iana.org/assignments/http-problem-types#temporary-reduced-capacity\",\"title\":\"Request"
                + " cannot be satisfied due to temporary server capacity"
                + " constraints\",\"status\":503,\"detail\":\"routing rule \\\"r\\\" leaves no"
                + " instance\"}");
    assertThat(Refusal.of(Refusal.Kind.BREAKER, "b", RefusalResponse.DEFAULT, null).description())
        .isEqualTo("circuit breaker \"b\" is open");
  }

  @Test
  void aLimitOnCallsUnderWayAnswersAsItsRuleSays() {
    RefusalResponse wished =
        new RefusalResponse(418, Collections.singletonMap("X-A", "b"), "full", true);
    Refusal r = Refusal.concurrency("c", wished);
    assertThat(r.status()).isEqualTo(418);
    assertThat(r.body()).isEqualTo("full");
    assertThat(r.contentType()).isEqualTo("text/plain; charset=utf-8");
    assertThat(r.throwing()).isTrue();
    assertThat(r.ruleId()).isEqualTo("c");
    assertThat(r.headers()).containsExactly(new String[] {"X-A", "b"});
    assertThat(r.policy()).as("it changes").isNull();
    CallLedger ledger = new CallLedger();
    ledger.begin(0, null);
    assertThat(ledger.refuseFull(r, 7)).isFalse();
    List<String> lines = new ArrayList<>();
    r.headers(ledger, (n, v) -> lines.add(n + ": " + v));
    assertThat(lines)
        .containsExactly(
            "X-Weir-Rejected: c",
            "RateLimit-Policy: \"c\";q=7;qu=\"concurrent-requests\"",
            "RateLimit: \"c\";r=0",
            "X-A: b");
  }

  @Test
  void aWindowIsRoundedUpAndLeftOutWhereThereIsNone() {
    assertThat(Refusal.policy("a", 10, 3)).isEqualTo("\"a\";q=10;w=4");
    assertThat(Refusal.policy("a", 10, 0)).isEqualTo("\"a\";q=0");
    assertThat(Refusal.policy("a", Integer.MAX_VALUE, 1)).endsWith(";w=2147483647");
    assertThat(Refusal.policy("a", Integer.MAX_VALUE + 1L, 1)).endsWith(";q=2147483648");
  }

  @Test
  void aRuleMayReplaceAnyHeader() {
    Map<String, String> wished = new LinkedHashMap<>();
    wished.put("ratelimit", "mine");
    wished.put("RATELIMIT-POLICY", "mine too");
    Refusal r =
        Refusal.of(
            Refusal.Kind.LIMIT, "a", new RefusalResponse(0, wished, null, false), "\"a\";q=1");
    assertThat(headers(r, 1))
        .containsExactly(
            "X-Weir-Rejected: a",
            "Retry-After: 1",
            "ratelimit: mine",
            "RATELIMIT-POLICY: mine too");
  }

  @Test
  void theDecisionsIdComesLast() {
    Refusal r = Refusal.of(Refusal.Kind.BREAKER, "b", RefusalResponse.DEFAULT, null);
    CallLedger ledger = new CallLedger();
    ledger.begin(0, null);
    ledger.refuse(r, 1);
    ledger.named("x-1");
    List<String> lines = new ArrayList<>();
    r.headers(ledger, (n, v) -> lines.add(n + ": " + v));
    assertThat(lines)
        .containsExactly("X-Weir-Rejected: b", "Retry-After: 1", "X-Weir-Decision: x-1");
  }

  @Test
  void onlyWhatCannotBePrintedIsReplaced() {
    assertThat(Refusal.policy(" ~\u007f\u001f\u0080", 1, 1)).isEqualTo("\" ~???\";q=1;w=1");
    Refusal r =
        Refusal.of(
            Refusal.Kind.LIMIT,
            "a",
            new RefusalResponse(
                0, Collections.singletonMap("X", "a\tb\u007fc\u001fd e\u00e9"), null, false),
            null);
    assertThat(r.headers().get(0)[1]).isEqualTo("a\tb c d e\u00e9");
  }
}
