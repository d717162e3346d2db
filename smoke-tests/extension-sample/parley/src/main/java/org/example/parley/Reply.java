package org.example.parley;

import java.util.LinkedHashMap;
import java.util.Map;

/** An answer: a code, headers, and a text. */
public final class Reply {
  public static final int DONE = 0;
  public static final int BUSY = 1;
  public static final int FAILED = 2;

  private final int code;
  private final Map<String, String> headers = new LinkedHashMap<>();
  private final String text;

  public Reply(int code, String text) {
    this.code = code;
    this.text = text;
  }

  public Reply header(String name, String value) {
    headers.put(name.toLowerCase(java.util.Locale.ROOT), value);
    return this;
  }

  /** Null: it has no such header. */
  public String header(String name) {
    return headers.get(name.toLowerCase(java.util.Locale.ROOT));
  }

  public Map<String, String> headers() {
    return headers;
  }

  public int code() {
    return code;
  }

  public String text() {
    return text;
  }
}
