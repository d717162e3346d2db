package io.weir.agent.run;

import io.weir.agent.config.PropertyKey;

/**
 * Durations as people write them: {@code 500ms}, {@code 2s}, {@code 1m}; a bare number is
 * milliseconds.
 */
final class Durations {
  private Durations() {}

  /**
   * @throws IllegalArgumentException naming the key, the text and the spellings
   */
  static long millis(PropertyKey key, String text) {
    String t = text.trim();
    long unit = 1;
    String number = t;
    if (t.endsWith("ms")) {
      number = t.substring(0, t.length() - 2);
    } else if (t.endsWith("s")) {
      unit = 1000;
      number = t.substring(0, t.length() - 1);
    } else if (t.endsWith("m")) {
      unit = 60_000;
      number = t.substring(0, t.length() - 1);
    }
    try {
      long n = Long.parseLong(number.trim());
      if (n >= 0 && n <= Integer.MAX_VALUE / unit) {
        return n * unit;
      }
    } catch (NumberFormatException notANumber) {
      // told below
    }
    throw new IllegalArgumentException(
        key.propertyName() + ": '" + text + "' is no duration, expected 500ms, 2s or 1m");
  }
}
