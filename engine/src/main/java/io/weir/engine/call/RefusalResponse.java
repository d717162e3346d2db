package io.weir.engine.call;

import java.util.Collections;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The {@code response} of a rule: what a refused caller gets. Immutable. */
public final class RefusalResponse {
  /** The response of a rule that specifies none. */
  public static final RefusalResponse DEFAULT =
      new RefusalResponse(0, Collections.<String, String>emptyMap(), null, false);

  /** HTTP status; 0 for the default: 429 of a limit, 503 of a breaker or a route. */
  public final int status;

  public final Map<String, String> headers;

  /** Body text, or null for problem+json. */
  public final @Nullable String body;

  /** Outbound HTTP: throw an {@code IOException} instead of a synthetic answer. */
  public final boolean throwing;

  public RefusalResponse(
      int status, Map<String, String> headers, @Nullable String body, boolean throwing) {
    this.status = status;
    this.headers = Collections.unmodifiableMap(headers);
    this.body = body;
    this.throwing = throwing;
  }
}
