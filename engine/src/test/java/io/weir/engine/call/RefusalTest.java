package io.weir.engine.call;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RefusalTest {
  private static List<String> headers(Refusal r, long retryAfterNanos) {
    Ticket ticket = new Ticket();
    ticket.begin(0, null);
    ticket.refuse(r, retryAfterNanos);
    List<String> lines = new ArrayList<>();
    r.headers(ticket, (n, v) -> lines.add(n + ": " + v));
    return lines;
  }

  @Test
  void aLimitAnswersAsTheDraftSays() {
    Refusal r =
        Refusal.of(
            Refusal.Kind.LIMIT,
            "default",
            Response.DEFAULT,
            Refusal.policy("default", 10_000, 5000));
    assertThat(r.status()).isEqualTo(429);
    assertThat(r.grpcStatus()).isEqualTo(8);
    assertThat(r.contentType()).isEqualTo("application/problem+json");
    assertThat(headers(r, 1))
        .containsExactly(
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
            new Response(503, wished, "later", false),
            Refusal.policy("a", 1, 0.5));
    assertThat(r.status()).isEqualTo(503);
    assertThat(r.contentType()).isEqualTo("text/html");
    assertThat(r.body()).isEqualTo("later");
    assertThat(headers(r, 1))
        .containsExactly(
            "RateLimit-Policy: \"a\";q=1;w=2",
            "RateLimit: \"a\";r=0;t=1",
            "retry-after: 7",
            "X-Why: busy");
  }

  @Test
  void nothingInARuleSplitsAHeaderOrTheBody() {
    String id = "a\r\nSet-Cookie: x\"\\\u00e9";
    Refusal r =
        Refusal.of(
            Refusal.Kind.LIMIT,
            id,
            new Response(0, Collections.singletonMap("X\r\nY", "a\r\nb\nc"), null, false),
            Refusal.policy(id, 1, 1));
    assertThat(headers(r, 1)).allSatisfy(h -> assertThat(h).matches("[ -~]*"));
    assertThat(r.body()).contains("[\"a??Set-Cookie: x\\\"\\\\?\"]").matches("[ -~]*");
    assertThat(r.description()).matches("[ -~]*");
  }

  @Test
  void anOpenBreakerIsUnavailable() {
    Refusal r = Refusal.of(Refusal.Kind.BREAKER, "b", Response.DEFAULT, null);
    assertThat(r.status()).isEqualTo(503);
    assertThat(r.grpcStatus()).isEqualTo(14);
    assertThat(headers(r, 0)).isEmpty();
    assertThat(headers(r, 2_000_000_000L)).containsExactly("Retry-After: 2");
  }

  @Test
  void pushbackIsRoundedUp() {
    Ticket t = new Ticket();
    t.refuse(null, 1_000_001);
    assertThat(t.retryPushbackMillis()).isEqualTo(2);
    t.refuse(null, Long.MAX_VALUE);
    assertThat(t.retryAfterSeconds()).isPositive();
    assertThat(t.retryPushbackMillis()).isPositive();
  }
}
