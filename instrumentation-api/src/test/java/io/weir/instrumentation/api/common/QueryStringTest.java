package io.weir.instrumentation.api.common;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class QueryStringTest {
  @Test
  void theFirstValueOfAParameterIsFound() {
    assertThat(QueryString.value("/x?a=1&b=2&a=3", "a")).isEqualTo("1");
    assertThat(QueryString.value("/x?a=1&b=2&a=3", "b")).isEqualTo("2");
    assertThat(QueryString.value("http://h/x?a=1?&b=a=b#c=d", "b")).isEqualTo("a=b");
    assertThat(QueryString.value("/x?a=1?&b=2#a&c=3", "a")).isEqualTo("1?");
  }

  @Test
  void namesAndValuesAreDecoded() {
    assertThat(QueryString.value("/x?q=%C3%A4+b%2Bc", "q")).isEqualTo("\u00e4 b+c");
    assertThat(QueryString.value("/x?%71=1", "q")).isEqualTo("1");
    assertThat(QueryString.value("/x?q=100%", "q"))
        .as("malformed: as it was sent")
        .isEqualTo("100%");
  }

  @Test
  void aParameterWithoutValueIsEmptyAndOthersAreNotThere() {
    assertThat(QueryString.value("/x?a&b=", "a")).isEmpty();
    assertThat(QueryString.value("/x?a&b=", "b")).isEmpty();
    assertThat(QueryString.value("/x?ab=1&c#a=2", "a")).isNull();
    assertThat(QueryString.value("/x?", "a")).isNull();
    assertThat(QueryString.value("/x", "a")).isNull();
    assertThat(QueryString.value(null, "a")).isNull();
  }
}
