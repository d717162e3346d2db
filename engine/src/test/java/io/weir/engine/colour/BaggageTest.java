package io.weir.engine.colour;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.bootstrap.Colour;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BaggageTest {
  private static List<String> parse(String header) {
    List<String> pairs = new ArrayList<>();
    Baggage.parse(header, null, pairs);
    return pairs;
  }

  private static String format(Colour colour) {
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < colour.size(); i++) {
      Baggage.append(s, colour.name(i), colour.value(i), Baggage.MAX_LENGTH);
    }
    return s.toString();
  }

  @Test
  void onlyMembersSomebodyAsksForAreRead() {
    List<String> pairs = new ArrayList<>();
    Baggage.parse("a=1,lane=blue,b=2,Lane=red", Set.of("lane", "missing"), pairs);
    assertThat(pairs).containsExactly("lane", "blue");
  }

  /** The examples of the W3C recommendation among them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          canary=true                                   | canary,true
          key1=value1,key2=value2                       | key1,value1,key2,value2
          key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=x | key1,value1,key2,value2,key3,value3
          serverNode=DF%2028,isProduction=false         | serverNode,DF 28,isProduction,false
          userId=Am%C3%A9lie                            | userId,Amélie
          a=b=c                                         | a,b=c
          a=1,a=2                                       | a,1
          a=                                            | a,""
          """)
  void membersAreRead(String header, String pairs) {
    assertThat(parse(header)).isEqualTo(List.of(pairs.replace("\"\"", "").split(",", -1)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ",",
        ",,,",
        "novalue",
        "=v",
        "a b=c",
        "a=%",
        "a=%2",
        "a=%zz",
        "a=%ff",
        "a=%C3%28",
        "a=x%0d%0aSet-Cookie:%20evil",
        "a=%00",
        "ä=b",
        ";",
        "=",
        "a;=b",
        "a=é%20"
      })
  void whatIsNotWellFormedIsDroppedAlone(String header) {
    assertThat(parse(header)).isEmpty();
    assertThat(parse("first=1," + header + ",last=2")).containsExactly("first", "1", "last", "2");
  }

  @Test
  void aHostileHeaderIsBounded() {
    assertThat(parse("a=1,".repeat(100_000))).hasSize(2);
    StringBuilder many = new StringBuilder();
    for (int i = 0; i < 10_000; i++) {
      many.append('k').append(i).append("=v,");
    }
    assertThat(parse(many.toString())).hasSize(2 * Baggage.MAX_MEMBERS);
    assertThat(parse("a=1,b=" + "x".repeat(1 << 20))).containsExactly("a", "1");
    assertThat(parse(",".repeat(1 << 20))).isEmpty();
  }

  @Test
  void whatIsWrittenIsReadBack() {
    long seed = Long.getLong("weir.test.seed", 20261122L);
    Random random = new Random(seed);
    String alphabet = "aZ09 ,;=%\\\"é😀'&";
    for (int i = 0; i < 20_000; i++) {
      StringBuilder value = new StringBuilder();
      for (int n = random.nextInt(20); n > 0; n--) {
        int at =
            alphabet.offsetByCodePoints(
                0, random.nextInt(alphabet.codePointCount(0, alphabet.length())));
        value.appendCodePoint(alphabet.codePointAt(at));
      }
      String header = format(Colour.of("one", value.toString(), "two", "2"));
      assertThat(header).as("seed %d", seed).matches("[!-~]*");
      assertThat(parse(header)).containsExactly("one", value.toString(), "two", "2");
    }
  }

  @Test
  void noBytesMakeItThrow() {
    long seed = Long.getLong("weir.test.seed", 20261122L);
    Random random = new Random(seed);
    String alphabet = "ab=,;% %2C%0d%é\u0000\t";
    for (int i = 0; i < 30_000; i++) {
      StringBuilder s = new StringBuilder();
      for (int n = random.nextInt(30); n > 0; n--) {
        s.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      List<String> pairs = parse(s.toString());
      String again = format(Colour.of(pairs.toArray(new String[0])));
      assertThat(parse(again)).as("seed %d: %s", seed, s).isEqualTo(pairs);
    }
  }

  @Test
  void whatDoesNotFitIsLeftOut() {
    String header = format(Colour.of("a", "x".repeat(9000), "b", "1"));
    assertThat(header).isEqualTo("b=1");
  }

  @Test
  void aHeaderAndItsMembersAreReadUpToTheirBounds() {
    StringBuilder most = new StringBuilder();
    for (int i = 0; i < Baggage.MAX_MEMBERS; i++) {
      most.append(i == 0 ? "" : ",").append('k').append(i).append("=v");
    }
    assertThat(parse("" + most)).hasSize(128).endsWith("k63", "v");
    assertThat(parse(most + ",one=more")).hasSize(128);
    String fits = "a=1,b=" + "x".repeat(Baggage.MAX_LENGTH - 6);
    assertThat(parse(fits)).hasSize(4);
    assertThat(parse(fits + "y")).as("cut through").containsExactly("a", "1");
    assertThat(parse("a=1,b=" + "x".repeat(Baggage.MAX_LENGTH - 7) + ",c=1"))
        .as("cut behind")
        .hasSize(4);
  }

  @ParameterizedTest
  @ValueSource(strings = {"09azAZ!#$%&'*+-.^_`|~"})
  void aNameIsAToken(String characters) {
    assertThat(parse(characters + "=1")).containsExactly(characters, "1");
    assertThat(format(Colour.of(characters, "1"))).isEqualTo(characters + "=1");
    for (char c : "/:@[{ \"(),;<=>?\\}".toCharArray()) {
      assertThat(format(Colour.of("a" + c, "1"))).as("" + c).isEmpty();
    }
    assertThat(format(Colour.of("", "1"))).isEmpty();
  }

  @Test
  void whatCannotStandInAValueIsEncoded() {
    assertThat(format(Colour.of("a", "!~ \",;\\%\u007f\u00e9")))
        .isEqualTo("a=!~%20%22%2C%3B%5C%25%7F%C3%A9");
  }

  @Test
  void whatFitsExactlyIsWritten() {
    String longest = "x".repeat(Baggage.MAX_LENGTH - 2);
    assertThat(format(Colour.of("a", longest))).hasSize(Baggage.MAX_LENGTH);
    assertThat(format(Colour.of("a", longest + "x", "b", "1"))).isEqualTo("b=1");
  }
}
