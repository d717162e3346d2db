package io.weir.engine.match;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.Paths;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/**
 * Compiles match expressions.
 *
 * <pre>
 * expr := or ;  or := and ('||' and)* ;  and := not ('&amp;&amp;' not)*
 * not  := '!' not | '(' expr ')' | test
 * test := attr ('==' | '!=') string | attr 'in' '[' string (',' string)* ']'
 *       | attr ('startsWith' | 'endsWith' | 'contains' | 'matches') string
 *       | attr ('&lt;' | '&lt;=' | '&gt;' | '&gt;=') integer
 *       | 'exists' attr | 'percent' '(' attr ',' number ')'
 * </pre>
 *
 * Strings stand in single or double quotes; a quote inside its own kind is doubled; a backslash is
 * a backslash, so that a regular expression is written as it is.
 *
 * <p><b>Absence.</b> An absent attribute makes every test false, negated or not; only {@code
 * !exists} is true of it (as in gRPC's xDS matchers, where inverting does not make an absent header
 * match). Formally: a test of an absent attribute is <i>unknown</i>, {@code && || !} are Kleene's,
 * and the outcome <i>unknown</i> is false. So {@code !(a == 'x')} is {@code a != 'x'}, always. The
 * parser gets this without a third value at run time: it moves every {@code !} down to the tests
 * (De Morgan holds in Kleene's logic), where a negated test is "present and not"; what is left are
 * {@code &&} and {@code ||} alone, which are monotone, so reading unknown as false at the leaves or
 * at the root is the same.
 *
 * <p><b>Paths</b> are compared in their normal spelling, see {@link Paths}; a slash at the end of a
 * text that is compared with a whole path is dropped, as it is of paths.
 *
 * <p><b>Hostile input.</b> Text, nesting, regular expressions are bounded; regular expressions are
 * RE2's, which never back-track. {@code matches} must match the whole value, and values over 4096
 * characters count as absent there.
 *
 * <p><b>{@code percent(attr, n)}</b>: true for the share of <i>values</i> of the attribute whose
 * XXH64 (seeded with the XXH64 of the attribute's name as written) falls, modulo 10^6, under n %.
 * It holds for the same values on every hop, and raising n never drops a value. n has at most four
 * decimals.
 */
public final class MatchParser {
  /** Longest expression, in characters. */
  public static final int MAX_LENGTH = 16_384;

  /** Deepest nesting of brackets and negations. */
  public static final int MAX_DEPTH = 64;

  /** Longest regular expression, in characters. */
  public static final int MAX_PATTERN = 512;

  /** Most instructions a compiled regular expression may have; matching one value walks them. */
  private static final int MAX_PROGRAM = 8192;

  /** What the counted repetitions of one regular expression may promise before it is compiled. */
  private static final int MAX_ESTIMATE = 1 << 20;

  /**
   * What all regular expressions of one document may take together: each is bounded by itself, but
   * a document has room for thousands. One thread.
   */
  public static final class Budget {
    private int steps = 16 * MAX_PROGRAM;
    private double estimate = 4.0 * MAX_ESTIMATE;
  }

  private static final Pattern COUNTED = Pattern.compile("\\{([0-9]{1,4})(?:,([0-9]{0,4}))?\\}");
  private static final String DELIMITERS = "=!<>()[],&|'\"";

  private final String text;
  private final Budget budget;
  private int at;
  private int depth;

  private MatchParser(String text, Budget budget) {
    this.text = text;
    this.budget = budget;
  }

  /**
   * Compiles an expression; the result's {@code toString} is its canonical form, which compiles to
   * the same.
   *
   * @throws MatchSyntaxException saying where and what was expected
   */
  public static MatchExpression parse(String text) {
    return parse(text, new Budget());
  }

  /** As {@link #parse(String)}, one of several expressions that share a budget. */
  public static MatchExpression parse(String text, Budget budget) {
    if (text.length() > MAX_LENGTH) {
      throw new MatchSyntaxException(
          text.substring(0, MAX_LENGTH), MAX_LENGTH, "at most " + MAX_LENGTH + " characters");
    }
    MatchParser p = new MatchParser(text, budget);
    MatchExpression m = p.or(false);
    p.skip();
    if (p.at < text.length()) {
      throw p.expected("'&&', '||' or the end");
    }
    return m;
  }

  private MatchExpression or(boolean negated) {
    List<MatchExpression> parts = new ArrayList<MatchExpression>();
    do {
      parts.add(and(negated));
    } while (take("||"));
    return Predicates.junction(negated, parts);
  }

  private MatchExpression and(boolean negated) {
    List<MatchExpression> parts = new ArrayList<MatchExpression>();
    do {
      parts.add(not(negated));
    } while (take("&&"));
    return Predicates.junction(!negated, parts);
  }

  private MatchExpression not(boolean negated) {
    skip();
    int start = at;
    boolean not = take("!");
    if (!not && !take("(")) {
      return test(negated);
    }
    if (++depth > MAX_DEPTH) {
      at = start;
      throw expected("at most " + MAX_DEPTH + " nested brackets and negations");
    }
    MatchExpression m;
    if (not) {
      m = not(!negated);
    } else {
      m = or(negated);
      require(")", "'&&', '||' or ')'");
    }
    depth--;
    return m;
  }

  private MatchExpression test(boolean negated) {
    int start = at;
    String word = word();
    if (word.equals("exists")) {
      return new Predicates.Exists(attribute(), negated);
    }
    if (word.equals("percent") && take("(")) {
      Attribute attribute = attribute();
      require(",", "','");
      int share = share();
      require(")", "')'");
      return new Predicates.Percent(attribute, negated, share);
    }
    at = start;
    Attribute a = attribute();
    skip();
    if (take("==")) {
      return new Predicates.Equal(a, negated, value(a));
    }
    if (take("!=")) {
      return new Predicates.Equal(a, !negated, value(a));
    }
    if (take("<=")) {
      return compare(a, true, true, negated);
    }
    if (take("<")) {
      return compare(a, true, false, negated);
    }
    if (take(">=")) {
      return compare(a, false, true, negated);
    }
    if (take(">")) {
      return compare(a, false, false, negated);
    }
    start = at;
    switch (word()) {
      case "in":
        return new Predicates.In(a, negated, values(a));
      case "startsWith":
        return new Predicates.StartsWith(a, negated, string());
      case "endsWith":
        return new Predicates.EndsWith(a, negated, string());
      case "contains":
        return new Predicates.Contains(a, negated, string());
      case "matches":
        return new Predicates.Matches(a, negated, pattern());
      default:
        at = start;
        throw expected(
            "==, !=, in, startsWith, endsWith, contains, matches, <, <=, > or >= after " + a);
    }
  }

  /** Not less is greater or equal: a comparison needs no negated form. */
  private MatchExpression compare(Attribute a, boolean less, boolean orEqual, boolean negated) {
    skip();
    int start = at;
    String number = word();
    if (!Predicates.Integers.isLong(number)) {
      at = start;
      throw expected("an integer of at most 18 digits");
    }
    return new Predicates.Compare(
        a, less != negated, orEqual != negated, Predicates.Integers.parse(number));
  }

  private Attribute attribute() {
    skip();
    int start = at;
    String name = word();
    try {
      return Attribute.parse(name);
    } catch (IllegalArgumentException e) {
      at = start;
      throw expected(Attribute.SPELLINGS);
    }
  }

  /** A percentage as an integer per million. */
  private int share() {
    skip();
    int start = at;
    String number = word();
    // length first: BigDecimal takes its time over a million digits
    if (number.length() <= 8 && number.matches("[0-9]{1,3}(\\.[0-9]{1,4})?")) {
      BigDecimal share = new BigDecimal(number).movePointRight(4);
      if (share.compareTo(BigDecimal.valueOf(XxHash.WHOLE)) <= 0) {
        return share.intValueExact();
      }
    }
    at = start;
    throw expected("a percentage from 0 to 100 with at most four decimals");
  }

  private Pattern pattern() {
    skip();
    int start = at;
    String regex = string();
    double estimate = repetitions(regex) * regex.length();
    try {
      if (regex.length() <= MAX_PATTERN && estimate <= MAX_ESTIMATE) {
        budget.estimate -= estimate;
        Pattern p = budget.estimate < 0 ? null : Pattern.compile(regex);
        if (p != null && p.programSize() <= MAX_PROGRAM) {
          budget.steps -= p.programSize();
        }
        if (p == null || budget.steps < 0) {
          at = start;
          throw expected("fewer or simpler regular expressions in one document");
        }
        if (p.programSize() <= MAX_PROGRAM) {
          return p;
        }
      }
    } catch (PatternSyntaxException e) {
      at = start;
      throw expected("a regular expression as RE2 reads it (" + e.getDescription() + ")");
    }
    at = start;
    throw expected(
        "a regular expression of at most "
            + MAX_PATTERN
            + " characters and "
            + MAX_PROGRAM
            + " steps");
  }

  /**
   * All counted repetitions multiplied, as if each stood inside the next: {@code
   * (((a{1000}){1000}){1000})} would fill the heap before its program's size could be asked.
   */
  private static double repetitions(String regex) {
    double product = 1;
    Matcher m = COUNTED.matcher(regex);
    while (m.find()) {
      String most = m.group(2) == null || m.group(2).isEmpty() ? m.group(1) : m.group(2);
      product *= Math.max(1, Integer.parseInt(most));
    }
    return product;
  }

  /** A whole value of an attribute. */
  private String value(Attribute of) {
    String text = string();
    return of.isPath() ? Paths.ofRule(text) : text;
  }

  private List<String> values(Attribute of) {
    require("[", "'['");
    List<String> l = new ArrayList<String>();
    do {
      l.add(value(of));
    } while (take(","));
    require("]", "',' or ']'");
    return l;
  }

  private String string() {
    skip();
    int start = at;
    char quote = at < text.length() ? text.charAt(at) : 0;
    if (quote != '\'' && quote != '"') {
      throw expected("a string in quotes");
    }
    StringBuilder s = new StringBuilder();
    for (int i = at + 1; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == quote) {
        if (i + 1 == text.length() || text.charAt(i + 1) != quote) {
          at = i + 1;
          return s.toString();
        }
        i++;
      }
      s.append(c);
    }
    at = start;
    throw expected("a string that ends in " + quote);
  }

  /** Up to white space or a delimiter; possibly empty. */
  private String word() {
    skip();
    int start = at;
    while (at < text.length() && text.charAt(at) > ' ' && DELIMITERS.indexOf(text.charAt(at)) < 0) {
      at++;
    }
    return text.substring(start, at);
  }

  private boolean take(String token) {
    skip();
    if (text.startsWith(token, at)) {
      at += token.length();
      return true;
    }
    return false;
  }

  private void require(String token, String expected) {
    if (!take(token)) {
      throw expected(expected);
    }
  }

  private void skip() {
    while (at < text.length() && text.charAt(at) <= ' ') {
      at++;
    }
  }

  private MatchSyntaxException expected(String what) {
    return new MatchSyntaxException(text, at, what);
  }
}
