package io.weir.instrumentation.api.common;

import io.weir.engine.call.CallDecision;
import io.weir.engine.call.Refusal;
import java.util.function.BiConsumer;

/**
 * The answer to a refused call, for the code that writes it. Valid until the call is made again.
 */
public final class RefusalView {
  private final Refusal refusal;
  private final CallDecision decision;

  /**
   * @param decision about a call that was refused
   */
  public RefusalView(CallDecision decision) {
    this.refusal = decision.refused();
    this.decision = decision;
  }

  /** HTTP status. */
  public int status() {
    return refusal.status();
  }

  /** Reason phrase of the status, for libraries that ask for one. */
  public String reason() {
    return status() == 429
        ? "Too Many Requests"
        : status() == 503 ? "Service Unavailable" : "Refused by Weir";
  }

  /** Every header but {@code Content-Type} and {@code Content-Length}, each name once. */
  public void headers(BiConsumer<String, String> to) {
    refusal.headers(decision, to);
  }

  /** As {@link #headers}, in printable ASCII, which every library takes. */
  public void printableHeaders(BiConsumer<String, String> to) {
    refusal.headers(decision, (name, value) -> to.accept(name, printable(value)));
  }

  /** Media type of the body. */
  public String contentType() {
    return refusal.contentType();
  }

  /** The media type in printable ASCII. */
  public String printableContentType() {
    return printable(refusal.contentType());
  }

  /** The body in UTF-8; must not be changed. */
  public byte[] body() {
    return refusal.bodyBytes();
  }

  private static String printable(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (s.charAt(i) < ' ' || s.charAt(i) > '~') {
        StringBuilder b = new StringBuilder(s);
        for (; i < s.length(); i++) {
          if (s.charAt(i) < ' ' || s.charAt(i) > '~') {
            b.setCharAt(i, '?');
          }
        }
        return b.toString();
      }
    }
    return s;
  }
}
