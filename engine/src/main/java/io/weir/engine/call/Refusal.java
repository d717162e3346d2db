package io.weir.engine.call;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The answer a refused caller gets, for HTTP and gRPC alike. Made when the rule is loaded, so that
 * refusing allocates nothing in the engine; what differs per call (when to retry) stands on the
 * {@link CallDecision}.
 *
 * <p>Header fields are those of the IETF httpapi draft "RateLimit header fields for HTTP", the body
 * is a problem of RFC 9457. Nothing of the request is echoed; control characters cannot get into a
 * header, whatever the rule says. Immutable.
 */
public final class Refusal {
  /** Header of a refusal of Weir's, on either side of a call; its value is the rule's id. */
  public static final String REJECTED = "X-Weir-Rejected";

  /** Header and gRPC trailer that tell a refused caller the decision's id, where that is on. */
  public static final String DECISION = "X-Weir-Decision";

  /** Which engine refused. */
  public enum Kind {
    LIMIT,
    BREAKER,
    ROUTE
  }

  private static final String PROBLEM = "https://iana.org/assignments/http-problem-types#";

  private final Kind kind;
  private final String ruleId;

  /** The id as a header can carry it: printable ASCII. */
  private final String named;

  private final int status;
  private final List<String[]> headers;
  private final String body;
  private final byte[] bytes;
  private final String contentType;
  private final boolean throwing;
  private final @Nullable String policy;
  private final String description;

  /** A limit on calls under way: its policy is the limit in force, which stands on the decision. */
  private final boolean concurrency;

  /**
   * @param status HTTP status of the answer
   * @param headers extra headers of the rule's {@code response}, possibly empty; they win over
   *     those the engine would send
   * @param body custom body, or null for the default problem+json
   * @param throwing outbound HTTP: throw an {@code IOException} instead of a synthetic answer
   * @param policy value of {@code RateLimit-Policy}, see {@link #policy(String, long, double)}, or
   *     null
   */
  public Refusal(
      Kind kind,
      String ruleId,
      int status,
      Map<String, String> headers,
      @Nullable String body,
      boolean throwing,
      @Nullable String policy) {
    this(
        kind,
        ruleId,
        status,
        headers,
        body,
        throwing,
        policy,
        (kind == Kind.LIMIT
                ? "rate limit "
                : kind == Kind.BREAKER ? "circuit breaker " : "routing rule ")
            + quoted(ruleId)
            + (kind == Kind.LIMIT
                ? " exceeded"
                : kind == Kind.BREAKER ? " is open" : " leaves no instance"),
        false);
  }

  private Refusal(
      Kind kind,
      String ruleId,
      int status,
      Map<String, String> headers,
      @Nullable String body,
      boolean throwing,
      @Nullable String policy,
      String description,
      boolean concurrency) {
    this.kind = kind;
    this.ruleId = ruleId;
    this.named = printable(ruleId);
    this.status = status;
    String type = body == null ? "application/problem+json" : "text/plain; charset=utf-8";
    List<String[]> h = new ArrayList<String[]>();
    for (Map.Entry<String, String> e : headers.entrySet()) {
      String name = oneLine(e.getKey());
      String value = oneLine(e.getValue());
      if (name.equalsIgnoreCase("Content-Type")) {
        type = value;
      } else {
        h.add(new String[] {name, value});
      }
    }
    this.headers = Collections.unmodifiableList(h);
    this.contentType = type;
    this.body = body == null ? problem(kind, ruleId, status, description) : body;
    this.bytes = this.body.getBytes(StandardCharsets.UTF_8);
    this.throwing = throwing;
    this.policy = policy == null ? null : oneLine(policy);
    this.description = description;
    this.concurrency = concurrency;
  }

  /** The answer a rule with this {@code response} gives: 429 for a limit, 503 for the others. */
  public static Refusal of(
      Kind kind, String ruleId, RefusalResponse response, @Nullable String policy) {
    int status = response.status != 0 ? response.status : kind == Kind.LIMIT ? 429 : 503;
    return new Refusal(
        kind, ruleId, status, response.headers, response.body, response.throwing, policy);
  }

  /**
   * The answer of a limit on calls under way. It names no time to retry: nobody knows when a call
   * ends. How many may be under way, which an adaptive limit changes all the time, stands on the
   * {@link CallDecision}.
   */
  public static Refusal concurrency(String ruleId, RefusalResponse response) {
    return new Refusal(
        Kind.LIMIT,
        ruleId,
        response.status != 0 ? response.status : 429,
        response.headers,
        response.body,
        response.throwing,
        null,
        "concurrency limit " + quoted(ruleId) + " reached",
        true);
  }

  /**
   * Text of {@code RateLimit-Policy}: the quota is the burst, the window the whole seconds, rounded
   * up, in which it is minted anew.
   */
  public static String policy(String ruleId, long burst, double qps) {
    String quota = quoted(ruleId) + ";q=" + (qps > 0 ? burst : 0);
    double window = Math.ceil(burst / qps);
    return window <= Integer.MAX_VALUE ? quota + ";w=" + (long) window : quota;
  }

  public Kind kind() {
    return kind;
  }

  public String ruleId() {
    return ruleId;
  }

  /** HTTP status. */
  public int status() {
    return status;
  }

  /** Extra headers of the rule as {name, value}; the arrays must not be changed. */
  public List<String[]> headers() {
    return headers;
  }

  /**
   * Every header of the HTTP answer except {@code Content-Type} and {@code Content-Length}, in
   * order, each name once: {@link #REJECTED}, {@code Retry-After}, {@code RateLimit-Policy}, {@code
   * RateLimit} and the rule's own. When no retry can succeed ({@link CallDecision#retryAfterNanos}
   * is 0, say because the rule denies all), no time is named.
   */
  public void headers(CallDecision decision, BiConsumer<String, String> to) {
    boolean known = decision.retryAfterNanos() > 0;
    unlessOverridden(REJECTED, named, to);
    if (known) {
      unlessOverridden("Retry-After", Long.toString(decision.retryAfterSeconds()), to);
    }
    String told =
        concurrency
            ? quoted(ruleId) + ";q=" + decision.concurrencyLimit() + ";qu=\"concurrent-requests\""
            : policy;
    if (told != null) {
      unlessOverridden("RateLimit-Policy", told, to);
      unlessOverridden(
          "RateLimit",
          quoted(ruleId) + ";r=0" + (known ? ";t=" + decision.retryAfterSeconds() : ""),
          to);
    }
    for (String[] h : headers) {
      to.accept(h[0], h[1]);
    }
    if (decision.id() != null) {
      to.accept(DECISION, decision.id());
    }
  }

  private void unlessOverridden(String name, String value, BiConsumer<String, String> to) {
    for (String[] h : headers) {
      if (h[0].equalsIgnoreCase(name)) {
        return;
      }
    }
    to.accept(name, value);
  }

  public String body() {
    return body;
  }

  /** The body in UTF-8; must not be changed. */
  public byte[] bodyBytes() {
    return bytes;
  }

  /** Media type of the body. */
  public String contentType() {
    return contentType;
  }

  public boolean throwing() {
    return throwing;
  }

  /** Text of {@code RateLimit-Policy} where it is the same for every call, or null. */
  public @Nullable String policy() {
    return policy;
  }

  /** gRPC status code: RESOURCE_EXHAUSTED for a limit, UNAVAILABLE for the others. */
  public int grpcStatus() {
    return kind == Kind.LIMIT ? 8 : 14;
  }

  /** One line for people, naming the rule: a gRPC status description, an exception's message. */
  public String description() {
    return description;
  }

  private static String problem(Kind kind, String ruleId, int status, String description) {
    return kind == Kind.LIMIT
        ? "{\"type\":\""
            + PROBLEM
            + "quota-exceeded\",\"title\":\"Request cannot be satisfied as assigned quota has been"
            + " exceeded\",\"status\":"
            + status
            + ",\"violated-policies\":["
            + quoted(ruleId)
            + "]}"
        : "{\"type\":\""
            + PROBLEM
            + "temporary-reduced-capacity\",\"title\":\"Request cannot be satisfied due to"
            + " temporary server capacity constraints\",\"status\":"
            + status
            + ",\"detail\":"
            + quoted(description)
            + "}";
  }

  /** A string both JSON and structured fields (RFC 9651) read: printable ASCII, escaped. */
  private static String quoted(String s) {
    StringBuilder b = new StringBuilder("\"");
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '"' || c == '\\') {
        b.append('\\');
      }
      b.append(c < ' ' || c > '~' ? '?' : c);
    }
    return b.append('"').toString();
  }

  private static String printable(String s) {
    StringBuilder b = new StringBuilder(s.length());
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      b.append(c < ' ' || c > '~' ? '?' : c);
    }
    return b.toString();
  }

  private static String oneLine(String s) {
    StringBuilder b = new StringBuilder(s.length());
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      b.append(c < ' ' && c != '\t' || c == 0x7f ? ' ' : c);
    }
    return b.toString();
  }
}
