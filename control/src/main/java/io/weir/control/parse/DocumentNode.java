package io.weir.control.parse;

import java.util.Collections;
import java.util.List;
import java.util.Map;

/** A value of a document and where it stands. Immutable once read. */
final class DocumentNode {
  enum Kind {
    OBJECT("an object"),
    LIST("a list"),
    TEXT("text"),
    NUMBER("a number"),
    BOOLEAN("true or false"),
    NULL("nothing");

    final String words;

    Kind(String words) {
      this.words = words;
    }
  }

  final Kind kind;

  /** The scalar as written; empty for objects and lists. */
  final String text;

  final Map<String, DocumentNode> fields;
  final List<DocumentNode> items;
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

  /** For messages. */
  String shown() {
    return kind == Kind.OBJECT || kind == Kind.LIST || kind == Kind.NULL
        ? kind.words
        : kind == Kind.TEXT ? "'" + text + "'" : text;
  }
}
