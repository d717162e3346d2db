package io.weir.engine.match;

/** A match expression cannot be parsed; says at which position and what was expected there. */
public final class MatchSyntaxException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 40;

  private final String text;
  private final int offset;
  private final String expected;

  MatchSyntaxException(String text, int offset, String expected) {
    super("at offset " + offset + ": expected " + expected + ", found " + found(text, offset));
    this.text = text;
    this.offset = offset;
    this.expected = expected;
  }

  /** The whole expression. */
  public String text() {
    return text;
  }

  /** Index of the character at which parsing failed; the text's length when it ended too early. */
  public int offset() {
    return offset;
  }

  /** What was expected there, for messages. */
  public String expected() {
    return expected;
  }

  private static String found(String text, int offset) {
    if (offset >= text.length()) {
      return "the end";
    }
    int end = Math.min(text.length(), offset + SHOWN);
    return "`" + text.substring(offset, end) + (end < text.length() ? "...`" : "`");
  }
}
