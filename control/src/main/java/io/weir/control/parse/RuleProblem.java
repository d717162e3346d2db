package io.weir.control.parse;

import org.jspecify.annotations.Nullable;

/**
 * One thing that is wrong with a document, told so that its author can mend it: the field, the
 * value, what was expected, and the place. Immutable.
 */
public final class RuleProblem {
  /** The longest piece of a document that is quoted. */
  private static final int QUOTE = 80;

  /** The longest expectation: some quote the document, and messages go into every status key. */
  private static final int SENTENCE = 500;

  public final ProblemCode code;

  /** True: the document is refused. False: it is in force, but the author should know. */
  public final boolean refusal;

  /** The key or file the document stands under. */
  public final String key;

  /** {@code routes[1].to[0].weight}, or empty for the document as a whole. */
  public final String field;

  /** The value as written, shortened and free of control characters; empty when there is none. */
  public final String value;

  /** What would have been right: {@code a whole number from 1 to 1000}. */
  public final String expectation;

  /** From 1; 0 when there is no place to point at. */
  public final int line;

  /** From 1; 0 when there is no place to point at. */
  public final int column;

  /** What the author may have meant, or null. */
  public final @Nullable String suggestion;

  RuleProblem(
      ProblemCode code,
      boolean refusal,
      String key,
      String field,
      String value,
      String expectation,
      int line,
      int column,
      @Nullable String suggestion) {
    this.code = code;
    this.refusal = refusal;
    this.key = key;
    this.field = field;
    this.value = quote(value);
    this.expectation = quote(expectation, SENTENCE);
    this.line = line;
    this.column = column;
    this.suggestion = suggestion;
  }

  /** A problem of a key as a whole. */
  public static RuleProblem of(ProblemCode code, boolean refusal, String key, String expectation) {
    return new RuleProblem(code, refusal, key, "", "", expectation, 0, 0, null);
  }

  /** One line: {@code WEIR1102 /service/a/rate-limit:1:9 qps is -1, expected ...}. */
  @Override
  public String toString() {
    StringBuilder s = new StringBuilder(160).append(code).append(' ').append(quote(key));
    if (line > 0) {
      s.append(':').append(line).append(':').append(column);
    }
    s.append(' ');
    if (!field.isEmpty()) {
      s.append(field);
      if (!value.isEmpty()) {
        s.append(" is ").append(value);
      }
      s.append(": ");
    }
    s.append(expectation);
    if (suggestion != null) {
      s.append("; did you mean ").append(suggestion).append('?');
    }
    return s.toString();
  }

  /** Operator text goes to logs and terminals: no control characters, no novels. */
  static String quote(String text) {
    return quote(text, QUOTE);
  }

  private static String quote(String text, int most) {
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < text.length() && s.length() < most; i++) {
      char c = text.charAt(i);
      s.append(Character.isISOControl(c) || Character.isSurrogate(c) ? '?' : c);
    }
    return text.length() > most ? s.append("...").toString() : s.toString();
  }
}
