package io.weir.control.parse;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The version of a document's format. A bare rule has version 1.x, an envelope 2.x. Both have the
 * same fields today. Immutable.
 */
final class DocumentVersion {
  private static final Pattern FORM =
      Pattern.compile("v?([0-9]{1,4})(?:\\.([0-9]{1,6}))?(?:\\.[0-9]{1,6})?");

  /** The newest minor version that this agent knows, by major version; there is no 0.x. */
  private static final int[] NEWEST_MINOR = {-1, 0, 1};

  /** Whether this agent reads documents of this major version. */
  final boolean supported;

  /** Whether the document may have fields that this agent does not know. */
  final boolean newerMinor;

  private DocumentVersion(boolean supported, boolean newerMinor) {
    this.supported = supported;
    this.newerMinor = newerMinor;
  }

  /** Null: the text is no version. */
  static @Nullable DocumentVersion parse(String text) {
    Matcher m = FORM.matcher(text);
    if (!m.matches()) {
      return null;
    }
    int major = Integer.parseInt(m.group(1));
    int minor = m.group(2) == null ? 0 : Integer.parseInt(m.group(2));
    boolean supported = major > 0 && major < NEWEST_MINOR.length;
    return new DocumentVersion(supported, supported && minor > NEWEST_MINOR[major]);
  }

  static String expectation() {
    return "this agent speaks 1.x (up to 1."
        + NEWEST_MINOR[1]
        + ") and 2.x (up to 2."
        + NEWEST_MINOR[2]
        + ")";
  }
}
