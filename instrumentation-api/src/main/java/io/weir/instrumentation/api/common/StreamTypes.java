package io.weir.instrumentation.api.common;

import org.jspecify.annotations.Nullable;

/** Tells answers that go on for as long as the caller listens from those that come to an end. */
public final class StreamTypes {
  private static final String[] TYPES = {
    "text/event-stream",
    "application/x-ndjson",
    "application/stream+json",
    "multipart/x-mixed-replace",
  };

  private StreamTypes() {}

  /**
   * @param contentType of the answer, or null
   */
  public static boolean isStream(@Nullable String contentType) {
    if (contentType != null) {
      for (String type : TYPES) {
        if (contentType.regionMatches(true, 0, type, 0, type.length())) {
          return true;
        }
      }
    }
    return false;
  }
}
