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
 * Strings are enclosed in single or double quotes. The enclosing quote is doubled inside the
 * string. A backslash is an ordinary character, so that a regular expression needs no escapes.
 *
 * <p><b>Absence.</b> When an attribute is absent, every test of it is false, negated or not, except
 * {@code !exists}. (gRPC's xDS matchers do the same: an inverted matcher does not match an absent
 * header.) Formally: a test of an absent attribute is <i>unknown</i>; {@code && || !} are those of
 * Kleene's three-valued logic; and a final result <i>unknown</i> is false. So {@code !(a == 'x')}
 * always equals {@code a != 'x'}. The parser needs no third value at run time. It moves every
 * {@code !} down to the tests, by De Morgan's laws, which hold in Kleene's logic; there a negated
 * test means "present and not". Only {@code &&} and {@code ||} are left. They are monotone, so it
 * makes no difference whether unknown becomes false at the leaves or at the root.
 *
 * <p><b>Paths</b> are compared in normal form, see {@link Paths}. A text that is compared with a
 * whole path loses a slash at its end, as paths do.
 *
 * <p><b>Hostile input.</b> Length, nesting and regular expressions are bounded. Regular expressions
 * are RE2's, which never backtrack. {@code matches} must match the whole value, and values over
 * 4096 characters count as absent there.
 *
 * <p><b>{@code percent(attr, n)}</b> selects values of the attribute by hash: it is true when the
 * XXH64 of the value (seeded with the XXH64 of the attribute's name as written), modulo 10^6, is
 * below n % of 10^6. So it selects the same values on every hop, and a higher n selects all values
 * that a lower n did. n has at most four decimals.
 */
public final class MatchParser {
  /** Longest expression, in characters. */
  public static final int MAX_LENGTH = 16_384;

  /** Deepest nesting of brackets and negations. */
  public static final int MAX_DEPTH = 64;

  /** Longest regular expression, in characters. */
  public static final int MAX_PATTERN = 512;

  /**
   * Most instructions of a compiled regular expression; matching a character may visit them all.
   */
  private static final int MAX_PROGRAM = 8192;

  /** Highest estimate of a regular expression's size that is compiled; see repetitions(). */
  private static final int MAX_ESTIMATE = 1 << 20;

  /**
   * A limit on all regular expressions of one document together. Each of them is bounded, but a
   * document can contain thousands. One thread.
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
   * Compiles an expression. The {@code toString} of the result is its canonical form, which
   * compiles to the same expression.
   *
   * @throws MatchSyntaxException with the position and what was expected there
   */
  public static MatchExpression parse(String text) {
    return parse(text, new Budget());
  }

  /** As {@link #parse(String)}, for one of several expressions that share a budget. */
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

  // In the methods below, negated: an odd number of "!" applies to what is parsed. It is compiled
  // into the tests, and turns "&&" into "||" and back (De Morgan).

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

  /** A negated comparison is the opposite comparison: not less is greater or equal. */
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

  /** Parses a percentage; the result is in millionths. */
  private int share() {
    skip();
    int start = at;
    String number = word();
    // length first: BigDecimal is slow for a million digits
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
   * The product of all counted repetitions, as if they were nested. {@code
   * (((a{1000}){1000}){1000})} would fill the heap while it is compiled, before the size of its
   * program is known.
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

  /** Parses a string that is compared with whole values of an attribute. */
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

  /** Reads up to white space or a delimiter; the result may be empty. */
  private String word() {
    skip();
    int start = at;
    while (at < text.length() && text.charAt(at) > ' ' && DELIMITERS.indexOf(text.charAt(at)) < 0) {
      at++;
    }
    return text.substring(start, at);
  }

  /** Skips this token if it is next; false when it is not. */
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

  /** Skips white space. */
  private void skip() {
    while (at < text.length() && text.charAt(at) <= ' ') {
      at++;
    }
  }

  private MatchSyntaxException expected(String what) {
    return new MatchSyntaxException(text, at, what);
  }
}
