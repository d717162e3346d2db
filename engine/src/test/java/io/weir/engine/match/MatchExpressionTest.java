package io.weir.engine.match;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.weir.engine.testing.Request;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MatchExpressionTest {
  private static final Request CALL =
      Request.of(
          "header:X-Env", "prod",
          "header:X-Version", "17",
          "header:X-Odd", "it's \"so\" \\d",
          "query:user", "u-42",
          "cookie:session", "s1",
          "tag:canary", "true",
          "path", "/orders/42/items",
          "method", "GET",
          "host", "order-service",
          "client-ip", "127.0.0.1",
          "caller", "cart");

  private static boolean test(String expression) {
    return MatchParser.parse(expression).test(Request.SOURCE, CALL);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "header:X-Env == 'prod'",
        "header:x-env=='prod'",
        "header:X-Env == \"prod\"",
        "header:X-Env != 'test'",
        "query:user in ['u-1', 'u-42']",
        "query:user in ['1','2','3','4','5','6','7','8','9','u-42']",
        "path startsWith '/orders/'",
        "path endsWith '/items'",
        "path contains '42'",
        "path matches '/orders/\\d+/items'",
        "header:X-Version > 16 && header:X-Version >= 17 && header:X-Version < 18",
        "header:X-Version <= 17 && header:X-Version > -3",
        "exists cookie:session",
        "!exists cookie:other",
        "percent(query:user, 100)",
        "tag:canary == 'true' && method == 'GET' && host == 'order-service'",
        "caller == 'cart' && client-ip startsWith '127.'",
        "method == 'PUT' || method == 'GET'",
        "!(method == 'PUT' || method == 'POST')",
        "!!(method == 'GET')",
        "header:X-Odd == 'it''s \"so\" \\d'",
        "header:X-Odd == \"it's \"\"so\"\" \\d\"",
      })
  void holds(String expression) {
    assertThat(test(expression)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "header:X-Env == 'PROD'",
        "header:X-Env != 'prod'",
        "query:user in ['u-1', 'u-4']",
        "path matches 'orders'",
        "path matches '/orders'",
        "header:X-Env > 0",
        "header:X-Env <= 0",
        "header:X-Version < 17",
        "percent(query:user, 0)",
        "!percent(query:user, 100)",
        "exists header:X-Env && exists header:X-Other",
      })
  void doesNotHold(String expression) {
    assertThat(test(expression)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "header:X-No == 'a'",
        "header:X-No != 'a'",
        "header:X-No in ['a']",
        "header:X-No startsWith ''",
        "header:X-No endsWith ''",
        "header:X-No contains ''",
        "header:X-No matches '.*'",
        "header:X-No < 1",
        "header:X-No >= 1",
        "percent(header:X-No, 100)",
      })
  void anAbsentAttributeMakesEveryTestFalseNegatedOrNot(String expression) {
    assertThat(test(expression)).isFalse();
    assertThat(test("!" + expression)).isFalse();
    assertThat(test("!!(" + expression + ")")).isFalse();
    assertThat(test("!(" + expression + " && method == 'GET')")).isFalse();
    assertThat(test("!(" + expression + " && method == 'PUT')")).isTrue();
    assertThat(test("!(" + expression + " || method == 'GET')")).isFalse();
    assertThat(test("exists header:X-No || !exists header:X-No")).isTrue();
  }

  @Test
  void andBindsTighterThanOr() {
    assertThat(test("method == 'GET' || method == 'GET' && method == 'PUT'")).isTrue();
    assertThat(test("(method == 'GET' || method == 'GET') && method == 'PUT'")).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          header:A=='x'                        | header:A == 'x'
          !(header:A == "it's")                | header:A != 'it''s'
          !(header:A < 5)                      | header:A >= 5
          !(path in ["a",'b'])                 | !(path in ['a', 'b'])
          !(exists path)                       | !exists path
          ((exists path)&&exists host)         | exists path && exists host
          !(exists path && !exists host)       | !exists path ~~ exists host
          (exists path~~exists host)&&exists method | (exists path ~~ exists host) && exists method
          percent( query:u , 5.50 )            | percent(query:u, 5.5)
          percent(query:u,100)                 | percent(query:u, 100)
          percent(query:u,0.0)                 | percent(query:u, 0)
          """)
  void theCanonicalFormIsFixed(String written, String canonical) {
    String expected = canonical.replace("~~", "||");
    assertThat(MatchParser.parse(written.replace("~~", "||"))).hasToString(expected);
    assertThat(MatchParser.parse(expected)).hasToString(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          ``                              | 0  | header:NAME
          header:A                        | 8  | startsWith
          header:A = 'x'                  | 9  | startsWith
          header:A == x                   | 12 | string in quotes
          header:A == 'x                  | 12 | ends in '
          header:A == 'x' &&              | 18 | header:NAME
          header:A == 'x' & exists path   | 16 | the end
          header:A == 'x' header:B == 'y' | 16 | the end
          headr:A == 'x'                  | 0  | header:NAME
          header: == 'x'                  | 0  | header:NAME
          (exists path                    | 12 | ')'
          exists path)                    | 11 | the end
          path in 'a'                     | 8  | '['
          path in ['a' 'b']               | 13 | ']'
          header:A < x                    | 11 | integer
          header:A < 1234567890123456789  | 11 | 18 digits
          path matches '('                | 13 | RE2
          path matches '(?=a)'            | 13 | RE2
          path matches '(((a{99}){99}){99})' | 13 | steps
          path matches '((a{99}){99})'    | 13 | steps
          percent(query:u, 100.1)         | 17 | 0 to 100
          percent(query:u, 0.00001)       | 17 | four decimals
          percent(query:u, -1)            | 17 | 0 to 100
          percent(query:u 5)              | 16 | ','
          """)
  void aMistakeIsNamedWithItsPlaceAndWhatWasExpected(
      String expression, int offset, String expected) {
    MatchSyntaxException e =
        catchThrowableOfType(MatchSyntaxException.class, () -> MatchParser.parse(expression));
    assertThat(e).as(expression).isNotNull();
    assertThat(e.offset()).as(expression).isEqualTo(offset);
    assertThat(e.expected()).contains(expected);
    assertThat(e.text()).isEqualTo(expression);
    assertThat(e.getMessage()).contains("offset " + offset);
  }

  @Test
  void hostileSizesAreRefusedCleanly() {
    for (String hostile :
        new String[] {
          "(".repeat(10_000),
          "(".repeat(10_000) + "exists path" + ")".repeat(10_000),
          "!".repeat(10_000) + "exists path",
          "header:A == '" + "x".repeat(1 << 20) + "'",
          "exists path && ".repeat(100_000) + "exists path",
          "path matches '" + "a".repeat(MatchParser.MAX_PATTERN + 1) + "'",
          "percent(path, " + "9".repeat(10_000) + ")",
          "path matches '(((((a{1000}){1000}){1000}){1000}){1000})'",
        }) {
      MatchSyntaxException e =
          catchThrowableOfType(MatchSyntaxException.class, () -> MatchParser.parse(hostile));
      assertThat(e).isNotNull();
      assertThat(e.getMessage().length()).isLessThan(250);
    }
    MatchParser.parse("(".repeat(64) + "exists path" + ")".repeat(64));
    MatchParser.parse("exists path && ".repeat(1000) + "exists path");
  }

  @Test
  void theRegularExpressionsOfOneDocumentAreBoundedTogether() {
    // small each, and many: a thousand plain ones fit
    MatchParser.Budget plain = new MatchParser.Budget();
    for (int i = 0; i < 1000; i++) {
      MatchParser.parse("path matches '/api/v[0-9]+/orders/[a-z]{1,8}'", plain);
    }
    // large compiled ones, and ones too large to be kept that cost their compiling
    for (String regex : new String[] {"[a-z]{1,1000}", "(a{0,99}){0,99}"}) {
      MatchParser.Budget budget = new MatchParser.Budget();
      String said = "";
      for (int i = 0; i < 100 && !said.contains("one document"); i++) {
        MatchSyntaxException e =
            catchThrowableOfType(
                MatchSyntaxException.class,
                () -> MatchParser.parse("path matches '" + regex + "'", budget));
        said = e == null ? "" : e.getMessage();
      }
      assertThat(said).as(regex).contains("fewer or simpler regular expressions in one document");
    }
  }

  @Test
  void aRegularExpressionNeverLooksAtAnEndlessValue() {
    MatchExpression m = MatchParser.parse("header:A matches '(x+x+)+y'");
    assertThat(m.test(Request.SOURCE, Request.of("header:A", "x".repeat(4000) + "y"))).isTrue();
    assertThat(m.test(Request.SOURCE, Request.of("header:A", "x".repeat(1 << 20)))).isFalse();
    MatchExpression not = MatchParser.parse("!(header:A matches 'a')");
    assertThat(not.test(Request.SOURCE, Request.of("header:A", "x".repeat(1 << 20)))).isFalse();
  }

  @Test
  void mutatedExpressionsEitherCompileToAFixedPointOrAreRefused() {
    long seed = Long.getLong("weir.test.seed", 20261122L);
    Random random = new Random(seed);
    String[] tokens = {
      "header:A",
      "path",
      "==",
      "!=",
      "<",
      ">=",
      "in",
      "[",
      "]",
      "'x'",
      "'y'",
      "\"",
      "'",
      "(",
      ")",
      "!",
      "&&",
      "||",
      "exists",
      "percent",
      ",",
      "5",
      "matches",
      "startsWith",
      " ",
      "tag:",
      "\u0000"
    };
    int compiled = 0;
    for (int i = 0; i < 60_000; i++) {
      StringBuilder s = new StringBuilder(random.nextBoolean() ? "path == 'x' " : "");
      for (int n = random.nextInt(8); n >= 0; n--) {
        s.append(tokens[random.nextInt(tokens.length)]).append(' ');
      }
      MatchExpression m;
      try {
        m = MatchParser.parse(s.toString());
      } catch (MatchSyntaxException refused) {
        assertThat(refused.offset()).as("seed %d: %s", seed, s).isBetween(0, s.length());
        continue;
      }
      compiled++;
      m.test(Request.SOURCE, CALL);
      assertThat(MatchParser.parse(m.toString())).as("seed %d: %s", seed, s).hasToString("" + m);
    }
    assertThat(compiled).isGreaterThan(300);
  }
}
