package io.weir.engine.call;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.testing.Request;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JwtTest {
  private static String bearer(String payload) {
    Base64.Encoder e = Base64.getUrlEncoder().withoutPadding();
    return "Bearer "
        + e.encodeToString("{\"alg\":\"none\"}".getBytes(StandardCharsets.UTF_8))
        + "."
        + e.encodeToString(payload.getBytes(StandardCharsets.UTF_8))
        + ".c2ln";
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"sub":"u-42"}                              | u-42
          { "iss" : "x" , "sub" : "u-42" , "exp": 1 } | u-42
          {"a":{"sub":"no"},"sub":"yes"}              | yes
          {"a":[{"sub":"no"},"sub","no"],"sub":"yes"} | yes
          {"x":"sub","sub":"yes"}                     | yes
          {"sub":42}                                  | 42
          {"sub":true}                                | true
          {"sub":"a\\"b\\\\c\\u00e9\\n"}              | `a"b\\cé\n`
          """)
  void aTopLevelClaimIsRead(String payload, String claim) {
    assertThat(Jwt.claim(bearer(payload), "sub")).isEqualTo(claim.replace("\\n", "\n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "",
        "\"sub\"",
        "{\"sub\":null}",
        "{\"sub\":{}}",
        "{\"sub\":[\"a\"]}",
        "{\"sub\":\"never ends",
        "{\"sub\":\"\\",
        "{\"sub\":\"\\u12",
        "{\"x\":{\"sub\":\"a\"}}",
        "{\"sub\"",
        "{{{{{{{{{{{{{",
        "]]]]]"
      })
  void whatHasNoSuchClaimIsAbsent(String payload) {
    assertThat(Jwt.claim(bearer(payload), "sub")).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "Bearer", "Bearer ", "Bearer a", "Bearer a.b", "Bearer a.*.c", "Basic eDp5"})
  void whatIsNoTokenIsAbsent(String header) {
    assertThat(Jwt.claim(header, "sub")).isNull();
    assertThat(Jwt.claim(null, "sub")).isNull();
    assertThat(Jwt.claim("Bearer a." + "b".repeat(100_000) + ".c", "sub")).isNull();
  }

  @Test
  void noBytesMakeItThrow() {
    long seed = Long.getLong("weir.test.seed", 20261122L);
    Random random = new Random(seed);
    String alphabet = "{}[]\",:\\u sub0-e";
    for (int i = 0; i < 30_000; i++) {
      StringBuilder s = new StringBuilder("{");
      for (int n = random.nextInt(30); n > 0; n--) {
        s.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      Jwt.claim(bearer(s.toString()), "sub");
    }
  }

  @Test
  void rulesNameItAsAnAttribute() {
    Request call = Request.of("header:Authorization", bearer("{\"sub\":\"u-1\"}"));
    assertThat(Attribute.parse("jwt:sub").read(Request.SOURCE, call)).isEqualTo("u-1");
    assertThat(Attribute.parse("jwt:iss").read(Request.SOURCE, call)).isNull();
  }

  @Test
  void everyEscapeIsUndone() {
    assertThat(Jwt.claim(bearer("{\"sub\":\"\\b\\f\\n\\r\\t\\/\\ud83d\\uDE00\"}"), "sub"))
        .isEqualTo("\b\f\n\r\t/\ud83d\ude00");
    assertThat(Jwt.claim(bearer("{\"s\\u0075b\":\"x\"}"), "sub")).isEqualTo("x");
    for (String broken : new String[] {"\\u", "\\u1", "\\u123", "\\u123g", "\\u12 4"}) {
      assertThat(Jwt.claim(bearer("{\"sub\":\"" + broken + "\"}"), "sub")).as(broken).isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"sub\":7}",
        "{\"sub\":7,\"a\":1}",
        "{\"sub\":7]",
        "{\"sub\":7 ,",
        "{\"sub\":7\t}",
        "{\"sub\":7\r}",
        "{\"sub\":7\n}",
        "{\"sub\":7",
        " {\t\"sub\"\n:\r7 }",
        "{\"a\":false,\"b\":[1,[2]],\"c\":{\"d\":{}},\"sub\":7}"
      })
  void aNumberEndsWhereItEnds(String payload) {
    assertThat(Jwt.claim(bearer(payload), "sub")).isEqualTo("7");
  }

  @Test
  void theSchemesCaseDoesNotMatterAndNothingStandsBeforeIt() {
    String token = bearer("{\"sub\":\"u\"}");
    assertThat(Jwt.claim("bEARER" + token.substring(6), "sub")).isEqualTo("u");
    assertThat(Jwt.claim("x" + token, "sub")).isNull();
    assertThat(Jwt.claim("Token  " + token.substring(7), "sub")).isNull();
  }

  @Test
  void aLongestTokenIsReadAndALongerOneIsNot() {
    String token = bearer("{\"sub\":\"u\"}");
    String longest = token + "x".repeat(Jwt.MAX_LENGTH - token.length());
    assertThat(Jwt.claim(longest, "sub")).isEqualTo("u");
    assertThat(Jwt.claim(longest + "x", "sub")).isNull();
  }
}
