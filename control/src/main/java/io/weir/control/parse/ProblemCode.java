package io.weir.control.parse;

/**
 * The kinds of problems of a rule. The numbers appear in logs, status and docs: never change them.
 */
public enum ProblemCode {
  KEY(1001, "the key is not one Weir knows"),
  ENCODING(1002, "the text is not UTF-8"),
  TOO_LARGE(1003, "the document is too large"),
  SYNTAX(1004, "neither JSON nor YAML"),
  TOO_DEEP(1005, "nested too deep"),
  DUPLICATE_FIELD(1006, "the same field twice"),
  YAML_EXTRAS(1007, "YAML anchors, aliases and tags are not allowed"),
  SEVERAL_DOCUMENTS(1008, "more than one document"),
  EMPTY(1009, "nothing there"),
  KIND(1101, "the wrong kind of value"),
  BOUND(1102, "out of bounds"),
  REQUIRED(1103, "a required field is missing"),
  WORD(1104, "not one of the words allowed"),
  UNKNOWN_FIELD(1105, "an unknown field, ignored"),
  NEWER_FIELD(1106, "a field of a newer version, ignored"),
  TWO_SPELLINGS(1107, "a field given under two names"),
  MATCH(1108, "the match expression does not compile"),
  WEIGHTS(1109, "weights that sum to 0"),
  ATTRIBUTE(1110, "an unknown request attribute"),
  CONTRADICTION(1111, "two fields contradict each other"),
  MISPLACED(1112, "a field in the wrong place"),
  TYPE(1201, "type and key disagree"),
  VERSION(1202, "a version this agent does not speak"),
  DUPLICATE_ID(1203, "the same rule id twice"),
  UNREADABLE(1301, "the parser failed: a defect of Weir, not of the document");

  private final int number;
  private final String meaning;

  ProblemCode(int number, String meaning) {
    this.number = number;
    this.meaning = meaning;
  }

  /** One line for the docs. */
  public String meaning() {
    return meaning;
  }

  /** {@code WEIR1102}. */
  @Override
  public String toString() {
    return "WEIR" + number;
  }
}
