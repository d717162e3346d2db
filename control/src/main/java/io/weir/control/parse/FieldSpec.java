package io.weir.control.parse;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One row of a field table: all that the parser, the JSON Schema and the docs need to know about a
 * field. Immutable.
 */
final class FieldSpec {
  enum Kind {
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    WORD,
    /** A list of texts. A single text counts as a list of one; numbers are read as text. */
    TEXTS,
    /** An object whose values are texts; numbers and booleans are read as text. */
    TEXT_MAP,
    /** A whole number, {@code 3}, a percentage as text, {@code "30%"}, or one of the words. */
    SHARE,
    /** Names and their shares: {@code {a: 34, b: 66}}, or a list of such objects. */
    SHARES,
    OBJECT,
    OBJECTS
  }

  final String name;
  final Kind kind;

  /** The bounds of a number, a text's length, or the number of items. */
  final double min;

  final double max;

  /** The default, as text; null: there is none, or it depends on other fields. */
  final @Nullable String fallback;

  /** The words that are allowed; the first is the default. */
  final List<String> words;

  /** Other names that are read as this field. */
  final List<String> aliases;

  final boolean required;

  /** The field may be absent when one of these fields is present. */
  final List<String> instead;

  /** The fields of an OBJECT, or of each of the OBJECTS; null for other kinds. */
  final @Nullable FieldTable shape;

  /** A description for the docs and the JSON Schema. */
  final String doc;

  private FieldSpec(
      String name,
      Kind kind,
      double min,
      double max,
      @Nullable String fallback,
      List<String> words,
      List<String> aliases,
      boolean required,
      List<String> instead,
      @Nullable FieldTable shape,
      String doc) {
    this.instead = instead;
    this.name = name;
    this.kind = kind;
    this.min = min;
    this.max = max;
    this.fallback = fallback;
    this.words = words;
    this.aliases = aliases;
    this.required = required;
    this.shape = shape;
    this.doc = doc;
  }

  /** The fields of an OBJECT, or of each of the OBJECTS. */
  FieldTable shape() {
    return Objects.requireNonNull(shape);
  }

  private static FieldSpec of(
      String name,
      Kind kind,
      double min,
      double max,
      @Nullable String fallback,
      @Nullable FieldTable shape,
      String doc) {
    List<String> none = Collections.<String>emptyList();
    return new FieldSpec(name, kind, min, max, fallback, none, none, false, none, shape, doc);
  }

  static FieldSpec bool(String name, boolean fallback, String doc) {
    return of(name, Kind.BOOLEAN, 0, 0, Boolean.toString(fallback), null, doc);
  }

  /**
   * @param fallback null when the default depends on other fields
   */
  static FieldSpec integer(String name, long min, long max, @Nullable Long fallback, String doc) {
    String f = fallback == null ? null : Long.toString(fallback);
    return of(name, Kind.INTEGER, min, max, f, null, doc);
  }

  static FieldSpec number(
      String name, double min, double max, @Nullable Double fallback, String doc) {
    String f = fallback == null ? null : plain(fallback);
    return of(name, Kind.NUMBER, min, max, f, null, doc);
  }

  static FieldSpec text(String name, int maxLength, String doc) {
    return of(name, Kind.TEXT, 0, maxLength, null, null, doc);
  }

  /**
   * @param words the words that are allowed; the first is the default
   */
  static FieldSpec word(String name, String doc, String... words) {
    List<String> none = Collections.<String>emptyList();
    return new FieldSpec(
        name, Kind.WORD, 0, 0, words[0], Arrays.asList(words), none, false, none, null, doc);
  }

  static FieldSpec texts(String name, int maxItems, String fallback, String doc) {
    return of(name, Kind.TEXTS, 0, maxItems, fallback, null, doc);
  }

  static FieldSpec textMap(String name, int maxEntries, String doc) {
    return of(name, Kind.TEXT_MAP, 0, maxEntries, null, null, doc);
  }

  static FieldSpec share(String name, long min, long max, String fallback, String doc) {
    return of(name, Kind.SHARE, min, max, fallback, null, doc);
  }

  /** As {@link #share}, but the value may also be a word, which is the default. */
  static FieldSpec shareOr(String name, String word, long min, long max, String doc) {
    List<String> none = Collections.<String>emptyList();
    List<String> words = Collections.singletonList(word);
    return new FieldSpec(name, Kind.SHARE, min, max, word, words, none, false, none, null, doc);
  }

  /**
   * @param min of each share
   * @param max of each share
   */
  static FieldSpec shares(String name, long min, long max, String doc) {
    return of(name, Kind.SHARES, min, max, null, null, doc);
  }

  static FieldSpec object(String name, FieldTable shape, String doc) {
    return of(name, Kind.OBJECT, 0, 0, null, shape, doc);
  }

  static FieldSpec objects(String name, FieldTable shape, int maxItems, String doc) {
    return of(name, Kind.OBJECTS, 0, maxItems, null, shape, doc);
  }

  /** A copy that is required. */
  FieldSpec must() {
    return mustUnless();
  }

  /** A copy that is required unless one of the given fields is present. */
  FieldSpec mustUnless(String... instead) {
    return new FieldSpec(
        name, kind, min, max, fallback, words, aliases, true, Arrays.asList(instead), shape, doc);
  }

  /** A copy with other names that are read as this field. */
  FieldSpec alias(String... names) {
    return new FieldSpec(
        name, kind, min, max, fallback, words, Arrays.asList(names), required, instead, shape, doc);
  }

  /** What a value has to be, for messages: {@code expected a whole number from 1 to 1000}. */
  String expectation() {
    switch (kind) {
      case BOOLEAN:
        return "expected true or false";
      case INTEGER:
        return "expected a whole number from " + plain(min) + " to " + plain(max);
      case NUMBER:
        return "expected a number from " + plain(min) + " to " + plain(max);
      case TEXT:
        return "expected text of at most " + plain(max) + " characters";
      case WORD:
        return "expected one of " + words;
      case TEXTS:
        return "expected a list of at most " + plain(max) + " texts";
      case TEXT_MAP:
        return "expected an object of at most " + plain(max) + " texts";
      case SHARE:
        return "expected "
            + (words.isEmpty() ? "" : String.join(", ", words) + ", or ")
            + "a whole number from "
            + plain(min)
            + " to "
            + plain(max)
            + ", or a percentage like '30%'";
      case SHARES:
        return "expected names and their shares, each a whole number from "
            + plain(min)
            + " to "
            + plain(max)
            + " or a percentage like '30%'";
      case OBJECT:
        return "expected an object";
      default:
        return "expected a list of at most " + plain(max) + " objects";
    }
  }

  /** A number without a decimal point if it is whole. */
  static String plain(double d) {
    return d == Math.rint(d) && Math.abs(d) < 1e15 ? Long.toString((long) d) : Double.toString(d);
  }
}
