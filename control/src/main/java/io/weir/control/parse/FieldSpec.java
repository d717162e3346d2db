package io.weir.control.parse;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One row of a field table: everything that the parser, the JSON Schema and the docs say about a
 * field comes from here. Immutable; built in one expression.
 */
final class FieldSpec {
  enum Kind {
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    WORD,
    /** A list of texts; one text alone counts as a list of one; numbers are taken as text. */
    TEXTS,
    /** An object whose values are texts; numbers and booleans are taken as text. */
    TEXT_MAP,
    /** A whole number, or a percentage as text: {@code 3}, {@code "30%"}; or one of the words. */
    SHARE,
    /** Names and their shares: {@code {a: 34, b: 66}}, or a list of such objects. */
    SHARES,
    OBJECT,
    OBJECTS
  }

  final String name;
  final Kind kind;

  /** Bounds: of the number, or of a text's length. */
  final double min;

  final double max;

  /** As text for docs and schema; null when absence means something of its own. */
  final @Nullable String fallback;

  final List<String> words;
  final List<String> aliases;
  final boolean required;

  /** Of a required field: one of these in its place will do. */
  final List<String> instead;

  /** Of OBJECT and OBJECTS. */
  final @Nullable FieldTable shape;

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

  /** The fields of an object. */
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

  /** The first word is the default. */
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

  /** As {@link #share}, or a word, which is the default. */
  static FieldSpec shareOr(String name, String word, long min, long max, String doc) {
    List<String> none = Collections.<String>emptyList();
    List<String> words = Collections.singletonList(word);
    return new FieldSpec(name, Kind.SHARE, min, max, word, words, none, false, none, null, doc);
  }

  /** At most 64 names; bounds are each share's. */
  static FieldSpec shares(String name, long min, long max, String doc) {
    return of(name, Kind.SHARES, min, max, null, null, doc);
  }

  static FieldSpec object(String name, FieldTable shape, String doc) {
    return of(name, Kind.OBJECT, 0, 0, null, shape, doc);
  }

  static FieldSpec objects(String name, FieldTable shape, int maxItems, String doc) {
    return of(name, Kind.OBJECTS, 0, maxItems, null, shape, doc);
  }

  FieldSpec must() {
    return mustUnless();
  }

  /** Required, unless one of those is there. */
  FieldSpec mustUnless(String... instead) {
    return new FieldSpec(
        name, kind, min, max, fallback, words, aliases, true, Arrays.asList(instead), shape, doc);
  }

  /** Older or other names that are read as this field. */
  FieldSpec alias(String... names) {
    return new FieldSpec(
        name, kind, min, max, fallback, words, Arrays.asList(names), required, instead, shape, doc);
  }

  /** What a value has to be: {@code a whole number from 1 to 1000}. */
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

  static String plain(double d) {
    return d == Math.rint(d) && Math.abs(d) < 1e15 ? Long.toString((long) d) : Double.toString(d);
  }
}
