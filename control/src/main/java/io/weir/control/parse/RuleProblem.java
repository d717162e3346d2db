package io.weir.control.parse;

import org.jspecify.annotations.Nullable;

/**
 * One problem of a document, with all that its author needs to correct it: the field, the value,
 * what was expected, and the place. Immutable.
 */
public final class RuleProblem {
  /** The most characters of a document that are quoted. */
  private static final int QUOTE = 80;

  /** The most characters of an expectation, which may quote the document. */
  private static final int SENTENCE = 500;

  public final ProblemCode code;

  /** True: the document is refused. False: a warning; the document is in force. */
  public final boolean refusal;

  /** The document's key or file. */
  public final String key;

  /** For example {@code routes[1].to[0].weight}; empty: the document as a whole. */
  public final String field;

  /** The value as written, shortened and free of control characters; empty when there is none. */
  public final String value;

  /** What is expected, for example {@code expected a whole number from 1 to 1000}. */
  public final String expectation;

  /** From 1; 0: there is no place in the text. */
  public final int line;

  /** From 1; 0: there is no place in the text. */
  public final int column;

  /** A similar word that the author may have meant; null: none. */
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

  /** Text of a document for logs and terminals: short and without control characters. */
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
