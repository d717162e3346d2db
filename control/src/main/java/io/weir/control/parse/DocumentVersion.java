package io.weir.control.parse;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The version of a document's format. A bare rule is 1.0; envelopes speak 2.x. Both majors have the
 * same fields today: the newest of each is what this agent knows in full.
 */
final class DocumentVersion {
  private static final Pattern FORM =
      Pattern.compile("v?([0-9]{1,4})(?:\\.([0-9]{1,6}))?(?:\\.[0-9]{1,6})?");

  /** Newest minor known, by major; index 0 is never spoken. */
  private static final int[] NEWEST_MINOR = {-1, 0, 1};

  final boolean spoken;
  final boolean newerMinor;

  private DocumentVersion(boolean spoken, boolean newerMinor) {
    this.spoken = spoken;
    this.newerMinor = newerMinor;
  }

  /** Null when the text is no version. */
  static @Nullable DocumentVersion parse(String text) {
    Matcher m = FORM.matcher(text);
    if (!m.matches()) {
      return null;
    }
    int major = Integer.parseInt(m.group(1));
    int minor = m.group(2) == null ? 0 : Integer.parseInt(m.group(2));
    boolean spoken = major > 0 && major < NEWEST_MINOR.length;
    return new DocumentVersion(spoken, spoken && minor > NEWEST_MINOR[major]);
  }

  static String expectation() {
    return "this agent speaks 1.x (up to 1."
        + NEWEST_MINOR[1]
        + ") and 2.x (up to 2."
        + NEWEST_MINOR[2]
        + ")";
  }
}
