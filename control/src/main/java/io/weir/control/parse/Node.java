package io.weir.control.parse;

import java.util.Collections;
import java.util.List;
import java.util.Map;

/** A value of a document and where it stands. Immutable once read. */
final class Node {
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

  final Map<String, Node> fields;
  final List<Node> items;
  final int line;
  final int column;

  private Node(
      Kind kind, String text, Map<String, Node> fields, List<Node> items, int line, int column) {
    this.kind = kind;
    this.text = text;
    this.fields = fields;
    this.items = items;
    this.line = line;
    this.column = column;
  }

  static Node scalar(Kind kind, String text, int line, int column) {
    return new Node(
        kind,
        text,
        Collections.<String, Node>emptyMap(),
        Collections.<Node>emptyList(),
        line,
        column);
  }

  static Node object(Map<String, Node> fields, int line, int column) {
    return new Node(Kind.OBJECT, "", fields, Collections.<Node>emptyList(), line, column);
  }

  static Node list(List<Node> items, int line, int column) {
    return new Node(Kind.LIST, "", Collections.<String, Node>emptyMap(), items, line, column);
  }

  /** For messages. */
  String shown() {
    return kind == Kind.OBJECT || kind == Kind.LIST || kind == Kind.NULL
        ? kind.words
        : kind == Kind.TEXT ? "'" + text + "'" : text;
  }
}
