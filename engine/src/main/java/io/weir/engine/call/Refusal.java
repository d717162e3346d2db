package io.weir.engine.call;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * The answer a refused caller gets. Immutable and made when the rule is loaded, so that refusing
 * allocates nothing in the engine; what differs per call ({@code retry-after}) stands on the {@link
 * Ticket}.
 */
public final class Refusal {
  /** Which engine refused. */
  public enum Kind {
    LIMIT,
    BREAKER,
    ROUTE
  }

  private final Kind kind;
  private final String ruleId;
  private final int status;
  private final List<String[]> headers;
  private final String body;
  private final boolean throwing;
  private final String policy;

  /**
   * @param status HTTP status of the answer
   * @param headers extra headers of the rule's {@code response}, possibly empty
   * @param body custom body, or null for the default problem+json
   * @param throwing outbound HTTP: throw an {@code IOException} instead of a synthetic answer
   * @param policy value of {@code RateLimit-Policy} ({@code "id";q=..;w=..}), or null
   */
  public Refusal(
      Kind kind,
      String ruleId,
      int status,
      Map<String, String> headers,
      String body,
      boolean throwing,
      String policy) {
    this.kind = kind;
    this.ruleId = ruleId;
    this.status = status;
    List<String[]> h = new ArrayList<String[]>();
    for (Map.Entry<String, String> e : headers.entrySet()) {
      h.add(new String[] {e.getKey(), e.getValue()});
    }
    this.headers = Collections.unmodifiableList(h);
    this.body = body;
    this.throwing = throwing;
    this.policy = policy;
  }

  public Kind kind() {
    return kind;
  }

  public String ruleId() {
    return ruleId;
  }

  public int status() {
    return status;
  }

  /** Extra headers as {name, value}; the arrays must not be changed. */
  public List<String[]> headers() {
    return headers;
  }

  public String body() {
    return body;
  }

  public boolean throwing() {
    return throwing;
  }

  public String policy() {
    return policy;
  }
}
