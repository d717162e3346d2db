package io.weir.control.parse;

import java.util.Collections;
import java.util.List;
import java.util.Map;

/** A value in a rule document, with its place in the text. Immutable once read. */
final class DocumentNode {
  enum Kind {
    OBJECT("an object"),
    LIST("a list"),
    TEXT("text"),
    NUMBER("a number"),
    BOOLEAN("true or false"),
    NULL("nothing");

    /** How messages name this kind. */
    final String description;

    Kind(String description) {
      this.description = description;
    }
  }

  final Kind kind;

  /** The scalar as written; empty for objects and lists. */
  final String text;

  /** The object's fields, in the order of the text; empty for other kinds. */
  final Map<String, DocumentNode> fields;

  /** The list's items; empty for other kinds. */
  final List<DocumentNode> items;

  /** From 1, as is the column: where the value begins. */
  final int line;

  final int column;

  private DocumentNode(
      Kind kind,
      String text,
      Map<String, DocumentNode> fields,
      List<DocumentNode> items,
      int line,
      int column) {
    this.kind = kind;
    this.text = text;
    this.fields = fields;
    this.items = items;
    this.line = line;
    this.column = column;
  }

  static DocumentNode scalar(Kind kind, String text, int line, int column) {
    return new DocumentNode(
        kind,
        text,
        Collections.<String, DocumentNode>emptyMap(),
        Collections.<DocumentNode>emptyList(),
        line,
        column);
  }

  static DocumentNode object(Map<String, DocumentNode> fields, int line, int column) {
    return new DocumentNode(
        Kind.OBJECT, "", fields, Collections.<DocumentNode>emptyList(), line, column);
  }

  static DocumentNode list(List<DocumentNode> items, int line, int column) {
    return new DocumentNode(
        Kind.LIST, "", Collections.<String, DocumentNode>emptyMap(), items, line, column);
  }

  /** The value as messages show it: text in quotes, objects and lists by their kind only. */
  String shown() {
    switch (kind) {
      case OBJECT:
      case LIST:
      case NULL:
        return kind.description;
      case TEXT:
        return "'" + text + "'";
      default:
        return text;
    }
  }
}
