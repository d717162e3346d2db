package io.weir.instrumentation.api.common;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QueryStringTest {
  @ParameterizedTest
  @CsvSource({
    "a=1&b=2, b, 2",
    "a=1&a=2, a, 1",
    "ab=1&b=2, b, 2",
    "b&c=1, b, ''",
    "b=&c=1, b, ''",
    "b==x, b, =x",
    "x=%C3%A4+b, x, ä b",
    "us%65rId=7, userId, 7",
    "user+id=7, user id, 7",
    "&&b=2&, b, 2",
  })
  void firstValueIsFoundDecoded(String query, String name, String value) {
    assertThat(QueryString.first(query, name)).isEqualTo(value);
  }

  @Test
  void absentParameterIsNull() {
    assertThat(QueryString.first(null, "a")).isNull();
    assertThat(QueryString.first("", "a")).isNull();
    assertThat(QueryString.first("b=1", "a")).isNull();
    assertThat(QueryString.first("b=a=1", "a")).isNull();
  }

  @Test
  void whatCannotBeDecodedIsTakenAsSent() {
    assertThat(QueryString.first("a=%zz", "a")).isEqualTo("%zz");
    assertThat(QueryString.first("%=1&a=2", "a")).isEqualTo("2");
  }
}
