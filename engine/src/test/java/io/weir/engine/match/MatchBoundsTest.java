package io.weir.engine.match;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.weir.engine.call.Attribute;
import io.weir.engine.testing.Request;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where what an expression may be, and what it says, begins and ends. */
class MatchBoundsTest {
  private static boolean test(String expression, String value) {
    return MatchParser.parse(expression).test(Request.SOURCE, Request.of("header:A", value));
  }

  private static MatchSyntaxException refused(String expression) {
    MatchSyntaxException e =
        catchThrowableOfType(MatchSyntaxException.class, () -> MatchParser.parse(expression));
    assertThat(e).as(expression).isNotNull();
    return e;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          header:A == 'x'
          header:A != 'x'
          header:A in ['x', 'y']
          !(header:A in ['x', 'y'])
          header:A startsWith 'x'
          !(header:A startsWith 'x')
          header:A endsWith 'x'
          !(header:A endsWith 'x')
          header:A contains 'x'
          !(header:A contains 'x')
          header:A matches 'x+'
          !(header:A matches 'x+')
          header:A < 5
          header:A <= 5
          header:A > -5
          header:A >= 5
          exists header:A
          !exists header:A
          percent(header:A, 12.5)
          !(percent(header:A, 0.0001))
          """)
  void everyTestIsWrittenAsItWasAndSaysWhatItLooksAt(String expression) {
    MatchExpression m = MatchParser.parse(expression);
    assertThat(m).hasToString(expression);
    List<Attribute> looked = new ArrayList<>();
    m.attributes(looked);
    assertThat(looked).containsExactly(Attribute.parse("header:A"));
  }

  @Test
  void ofSeveralTestsEveryAttributeIsNamed() {
    List<Attribute> looked = new ArrayList<>();
    MatchParser.parse("path == '/' && (exists host || method == 'GET')").attributes(looked);
    assertThat(looked).hasToString("[path, host, method]");
    looked.clear();
    MatchExpression.ALWAYS.attributes(looked);
    assertThat(looked).isEmpty();
    assertThat(MatchExpression.ALWAYS).hasToString("always");
    assertThat(MatchExpression.ALWAYS.test(Request.SOURCE, Request.of())).isTrue();
  }

  @Test
  void aLongestExpressionIsReadAndALongerOneIsNot() {
    String longest = "path == '" + "x".repeat(MatchParser.MAX_LENGTH - 10) + "'";
    assertThat(MatchParser.parse(longest)).hasToString(longest);
    MatchSyntaxException e = refused(longest + " ");
    assertThat(e.offset()).isEqualTo(MatchParser.MAX_LENGTH);
    assertThat(e.expected()).isEqualTo("at most 16384 characters");
  }

  @Test
  void nestingEndsAtItsBound() {
    String deepest = "!".repeat(MatchParser.MAX_DEPTH) + "exists path";
    assertThat(MatchParser.parse(deepest)).hasToString("exists path");
    MatchSyntaxException e = refused("!" + deepest);
    assertThat(e.offset()).isEqualTo(MatchParser.MAX_DEPTH);
    assertThat(e.expected()).startsWith("at most 64 nested");
    // depth, not number: each bracket that ends gives its level back
    String many = "(exists path) && ".repeat(100) + "!(exists path)".repeat(1);
    assertThat(MatchParser.parse(many).test(Request.SOURCE, Request.of())).isFalse();
  }

  @Test
  void aLongestRegularExpressionIsCompiledAndALongerOneIsNot() {
    String longest = "a".repeat(MatchParser.MAX_PATTERN);
    assertThat(test("header:A matches '" + longest + "'", longest)).isTrue();
    assertThat(refused("path matches '" + longest + "a'").offset()).isEqualTo(13);
  }

  @Test
  void aLongestValueIsMatchedAndALongerOneCountsAsAbsent() {
    assertThat(test("header:A matches 'x*'", "x".repeat(4096))).isTrue();
    assertThat(test("header:A matches 'x*'", "x".repeat(4097))).isFalse();
    assertThat(test("!(header:A matches 'y*')", "x".repeat(4096))).isTrue();
    assertThat(test("!(header:A matches 'y*')", "x".repeat(4097))).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "0, true",
    "-0, true",
    "9, true",
    "999999999999999999, true",
    "-999999999999999999, true",
    "1999999999999999999, false",
    "-1999999999999999999, false",
    "'', false",
    "-, false",
    "--1, false",
    "+1, false",
    "1a, false",
    "1/, false",
    "1:, false",
    "/1, false",
    "1-, false"
  })
  void anIntegerHasOneToEighteenDigits(String value, boolean is) {
    assertThat(test("header:A < 5 || header:A >= 5", value)).isEqualTo(is);
  }

  @Test
  void comparisonsAreExactAtTheirEnds() {
    for (String op : new String[] {"<", "<=", ">", ">="}) {
      for (int v = -12; v <= 12; v++) {
        boolean expected =
            op.equals("<") ? v < 10 : op.equals("<=") ? v <= 10 : op.equals(">") ? v > 10 : v >= 10;
        assertThat(test("header:A " + op + " 10", "" + v))
            .as("%d %s 10", v, op)
            .isEqualTo(expected);
        assertThat(test("!(header:A " + op + " 10)", "" + v)).isEqualTo(!expected);
        boolean below =
            op.equals("<")
                ? v < -10
                : op.equals("<=") ? v <= -10 : op.equals(">") ? v > -10 : v >= -10;
        assertThat(test("header:A " + op + " -10", "" + v)).isEqualTo(below);
      }
    }
    assertThat(test("header:A == '1' || header:A > 999999999999999998", "999999999999999999"))
        .isTrue();
  }

  @Test
  void aPercentageOwnsItsPlacesToTheTenthousandth() {
    int place = XxHash.place(XxHash.seed("header:A"), "user-1");
    String below = java.math.BigDecimal.valueOf(place, 4).toPlainString();
    String up = java.math.BigDecimal.valueOf(place + 1, 4).toPlainString();
    assertThat(test("percent(header:A, " + below + ")", "user-1")).isFalse();
    assertThat(test("percent(header:A, " + up + ")", "user-1")).isTrue();
    assertThat(test("!percent(header:A, " + below + ")", "user-1")).isTrue();
    assertThat(test("!percent(header:A, " + up + ")", "user-1")).isFalse();
    assertThat(refused("percent(path, 100.0001)").offset()).isEqualTo(14);
    assertThat(refused("percent(path, 1000)").offset()).isEqualTo(14);
    assertThat(refused("percent(path, 001.00000)").offset()).isEqualTo(14);
    assertThat(MatchParser.parse("percent(path, 099.9999)")).hasToString("percent(path, 99.9999)");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8, 9, 10, 100})
  void aListOfAnyLengthHoldsItsValuesAndNoOther(int n) {
    StringBuilder list = new StringBuilder();
    for (int i = 0; i < n; i++) {
      list.append(i == 0 ? "'" : ", '").append(i).append('\'');
    }
    for (int i = 0; i <= n; i++) {
      assertThat(test("header:A in [" + list + "]", "" + i)).isEqualTo(i < n);
      assertThat(test("!(header:A in [" + list + "])", "" + i)).isEqualTo(i == n);
    }
  }

  @Test
  void whatWasFoundIsShownAndCutShort() {
    assertThat(refused("path =="))
        .hasMessage("at offset 7: expected a string in quotes, found the end");
    assertThat(refused("path == y")).hasMessageEndingWith("found `y`");
    String forty = "y".repeat(40);
    assertThat(refused("path == " + forty)).hasMessageEndingWith("found `" + forty + "`");
    assertThat(refused("path == " + forty + "z")).hasMessageEndingWith("found `" + forty + "...`");
  }

  @Test
  void aQuoteThatIsNotDoubledEndsTheString() {
    assertThat(test("header:A == ''", "")).isTrue();
    assertThat(test("header:A == ''''", "'")).isTrue();
    assertThat(test("header:A == 'a\"b'", "a\"b")).isTrue();
    assertThat(test("header:A == \"a'b\"", "a'b")).isTrue();
    assertThat(refused("header:A == '''").expected()).isEqualTo("a string that ends in '");
  }

  @Test
  void percentAndExistsMayBeNoAttributes() {
    assertThat(refused("percent == '1'").offset()).isZero();
    assertThat(refused("exists == '1'").offset()).isEqualTo(7);
  }

  @Test
  void onlyQuestionsForOneOfSomeValuesAreEqualities() {
    assertThat(EqualityTest.of(MatchParser.parse("path == 'a'")).values).containsExactly("a");
    EqualityTest in = EqualityTest.of(MatchParser.parse("path in ['a', 'b']"));
    assertThat(in.values).containsExactly("a", "b");
    assertThat(in.attribute).hasToString("path");
    for (String other :
        new String[] {
          "path != 'a'",
          "!(path in ['a'])",
          "exists path",
          "path startsWith 'a'",
          "path == 'a' && host == 'b'"
        }) {
      assertThat(EqualityTest.of(MatchParser.parse(other))).as(other).isNull();
    }
    assertThat(EqualityTest.of(MatchExpression.ALWAYS)).isNull();
  }

  @Test
  void expressionsOfOneDocumentShareTheirBudget() {
    // one that compiles to some thousand steps fits a document a few dozen times
    String regex = "path matches '[a-z]{1,500}'";
    MatchParser.Budget budget = new MatchParser.Budget();
    int fitted = 0;
    try {
      for (; fitted < 1000; fitted++) {
        MatchParser.parse(regex, budget);
      }
    } catch (MatchSyntaxException full) {
      assertThat(full.offset()).isEqualTo(13);
    }
    assertThat(fitted).isBetween(16, 400);
    // alone it is welcome
    MatchParser.parse(regex);
    assertThatThrownBy(() -> MatchParser.parse(regex, budget))
        .isInstanceOf(MatchSyntaxException.class);
  }
}
