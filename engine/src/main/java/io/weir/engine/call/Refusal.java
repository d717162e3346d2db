package io.weir.engine.call;

import io.weir.engine.grpc.GrpcCodes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a refused call, for HTTP and gRPC. It is made when the rule is loaded, so deciding
 * to refuse allocates nothing; writing the answer does. What differs from call to call, such as the
 * time to retry, is in the {@link CallDecision}.
 *
 * <p>Header fields are those of the IETF httpapi draft "RateLimit header fields for HTTP"; the body
 * is a problem of RFC 9457. Nothing of the request is echoed. No character that could end a header
 * line gets into a header, whatever the rule says.
 *
 * <p>Immutable.
 */
public final class Refusal {
  /**
   * Header, and gRPC trailer, of every refusal by Weir, of inbound and outbound calls. Its value is
   * the id of the rule in printable ASCII, unless the rule's {@code response} sets another. Weir at
   * the caller knows by this header that the target refused the call itself.
   */
  public static final String REJECTED = "X-Weir-Rejected";

  /** Header and gRPC trailer with the id of the decision, if the agent is configured to send it. */
  public static final String DECISION = "X-Weir-Decision";

  /** Media type of the body, unless the rule's {@code response} sets another. */
  public static final String PROBLEM_JSON = "application/problem+json";

  /** Which engine refused. */
  public enum Kind {
    LIMIT,
    BREAKER,
    ROUTE
  }

  private static final String PROBLEM = "https://iana.org/assignments/http-problem-types#";

  private final Kind kind;
  private final String ruleId;

  /** The rule id as a header value: printable ASCII. */
  private final String idHeader;

  private final int status;
  private final List<String[]> headers;
  private final String body;
  private final byte[] bytes;
  private final String contentType;
  private final boolean throwing;
  private final @Nullable String policy;
  private final String description;

  /**
   * Whether this is the refusal of a concurrency limit. Its policy header has the current limit,
   * from the decision.
   */
  private final boolean concurrency;

  /**
   * @param status HTTP status of the answer
   * @param headers headers of the rule's {@code response}, possibly empty; they replace headers of
   *     the same name that the engine would send, except {@link #DECISION}
   * @param body body of the rule's {@code response}, or null for the default problem+json
   * @param throwing outbound HTTP: throw an {@code IOException} instead of a synthetic answer
   * @param policy value of {@code RateLimit-Policy}, see {@link #policy(String, long, double)};
   *     null: no such header
   */
  public Refusal(
      Kind kind,
      String ruleId,
      int status,
      Map<String, String> headers,
      @Nullable String body,
      boolean throwing,
      @Nullable String policy) {
    this(kind, ruleId, status, headers, body, throwing, policy, describe(kind, ruleId), false);
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
    this.idHeader = printable(ruleId);
    this.status = status;
    String type = body == null ? PROBLEM_JSON : "text/plain; charset=utf-8";
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

  /**
   * The answer of a rule with this {@code response}: by default status 429 for a limit, 503 for the
   * others.
   *
   * @param policy value of {@code RateLimit-Policy}, or null: no such header
   */
  public static Refusal of(
      Kind kind, String ruleId, RefusalResponse response, @Nullable String policy) {
    int status = response.status != 0 ? response.status : kind == Kind.LIMIT ? 429 : 503;
    return new Refusal(
        kind, ruleId, status, response.headers, response.body, response.throwing, policy);
  }

  /**
   * The answer of a concurrency limit. It has no time to retry, since nobody knows when a call in
   * flight ends. The limit itself is in the {@link CallDecision}, because an adaptive limit changes
   * all the time.
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
   * Value of {@code RateLimit-Policy}. The quota is the burst; the window is the time in which a
   * whole burst is refilled, in seconds, rounded up. A rule with {@code qps: 0} refuses every call:
   * quota 0 and no window.
   */
  public static String policy(String ruleId, long burst, double qps) {
    String quota = quoted(ruleId) + ";q=" + (qps > 0 ? burst : 0);
    double window = Math.ceil(burst / qps); // infinite or no number for qps 0
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

  /** Headers of the rule as {name, value}. Do not change the arrays. */
  public List<String[]> headers() {
    return headers;
  }

  /**
   * Passes every header of the HTTP answer to {@code to}, each name once, except {@code
   * Content-Type}. The order: {@link #REJECTED}, {@code Retry-After}, {@code RateLimit-Policy},
   * {@code RateLimit}, the rule's own, {@link #DECISION}. When {@link CallDecision#retryAfterNanos}
   * is 0, no time to retry is sent: it is unknown, or the rule refuses every call.
   */
  public void headers(CallDecision decision, BiConsumer<String, String> to) {
    boolean retryKnown = decision.retryAfterNanos() > 0;
    unlessOverridden(REJECTED, idHeader, to);
    if (retryKnown) {
      unlessOverridden("Retry-After", Long.toString(decision.retryAfterSeconds()), to);
    }
    String policyHeader =
        concurrency
            ? quoted(ruleId) + ";q=" + decision.concurrencyLimit() + ";qu=\"concurrent-requests\""
            : policy;
    if (policyHeader != null) {
      unlessOverridden("RateLimit-Policy", policyHeader, to);
      unlessOverridden(
          "RateLimit",
          quoted(ruleId) + ";r=0" + (retryKnown ? ";t=" + decision.retryAfterSeconds() : ""),
          to);
    }
    String id = decision.id();
    for (String[] h : headers) {
      // the id of this decision is worth more than a fixed text of the rule
      if (id == null || !h[0].equalsIgnoreCase(DECISION)) {
        to.accept(h[0], h[1]);
      }
    }
    if (id != null) {
      to.accept(DECISION, id);
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

  /** The body in UTF-8. Do not change the array. */
  public byte[] bodyBytes() {
    return bytes;
  }

  /** Media type of the body. */
  public String contentType() {
    return contentType;
  }

  /**
   * Whether a refused outbound HTTP call throws an {@code IOException} instead of getting a
   * synthetic answer.
   */
  public boolean throwing() {
    return throwing;
  }

  /**
   * Value of {@code RateLimit-Policy}; null when there is none, or it differs from call to call.
   */
  public @Nullable String policy() {
    return policy;
  }

  /** gRPC status code: RESOURCE_EXHAUSTED for a limit, UNAVAILABLE for the others. */
  public int grpcStatus() {
    return kind == Kind.LIMIT ? GrpcCodes.RESOURCE_EXHAUSTED : GrpcCodes.UNAVAILABLE;
  }

  /**
   * One line for people that names the rule: the gRPC status description, or the message of the
   * exception.
   */
  public String description() {
    return description;
  }

  private static String describe(Kind kind, String ruleId) {
    if (kind == Kind.LIMIT) {
      return "rate limit " + quoted(ruleId) + " exceeded";
    }
    if (kind == Kind.BREAKER) {
      return "circuit breaker " + quoted(ruleId) + " is open";
    }
    return "routing rule " + quoted(ruleId) + " leaves no instance";
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

  /**
   * The text as a quoted string that is valid in JSON and in structured fields (RFC 9651):
   * printable ASCII, escaped.
   */
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

  /**
   * The text with control characters replaced by spaces, so that it cannot begin another header.
   */
  private static String oneLine(String s) {
    StringBuilder b = new StringBuilder(s.length());
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      b.append(c < ' ' && c != '\t' || c == 0x7f ? ' ' : c);
    }
    return b.toString();
  }
}
