package io.weir.engine.call;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.bootstrap.Colour;
import io.weir.engine.testing.Fixed;
import io.weir.engine.testing.Request;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttributeTest {
  private static final Request CALL =
      Request.of(
          "header:X-Env",
          "h",
          "query:page",
          "q",
          "cookie:sid",
          "c",
          "tag:canary",
          "t",
          "path",
          "/p",
          "method",
          "PUT",
          "host",
          "shop",
          "client-ip",
          "10.0.0.1",
          "caller",
          "front");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "header:x-env=h", "header:X-ENV=h", "query:page=q", "cookie:sid=c", "tag:canary=t",
        "path=/p", "method=PUT", "host=shop", "client-ip=10.0.0.1", "caller=front"
      })
  void everySpellingReadsWhatItNames(String spellingAndValue) {
    String[] s = spellingAndValue.split("=");
    Attribute a = Attribute.parse(s[0]);
    assertThat(a.read(Request.SOURCE, CALL)).isEqualTo(s[1]);
    assertThat(a).hasToString(s[0]);
    assertThat(a.read(Request.SOURCE, Request.of())).as("absent").isNull();
    assertThat(a.isCaller()).isEqualTo(s[0].equals("caller"));
    assertThat(a.headerName()).isEqualTo(s[0].startsWith("header:") ? "x-env" : null);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "header",
        "header:",
        ":x",
        "Header:x",
        "body:x",
        "PATH",
        "path:x",
        "client_ip",
        "jwt:"
      })
  void anythingElseIsRefusedAndNamed(String text) {
    assertThatThrownBy(() -> Attribute.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("unknown attribute '" + text + "': expected " + Attribute.SPELLINGS);
  }

  @Test
  void aNameMayHaveAColon() {
    assertThat(Attribute.parse("query:a:b").read(Request.SOURCE, Request.of("query:a:b", "v")))
        .isEqualTo("v");
    assertThat(Attribute.parse("query:x").read(Request.SOURCE, Request.of("query:x", "v")))
        .as("of one character")
        .isEqualTo("v");
  }

  @Test
  void headersAreTheSameWhateverTheirCaseAndNothingElseIs() {
    Attribute header = Attribute.parse("header:X-Env");
    assertThat(header)
        .isEqualTo(Attribute.parse("header:x-env"))
        .hasSameHashCodeAs(Attribute.parse("header:x-ENV"))
        .isNotEqualTo(Attribute.parse("header:x-en"))
        .isNotEqualTo(Attribute.parse("query:X-Env"))
        .isNotEqualTo("header:X-Env")
        .isNotEqualTo(null);
    assertThat(Attribute.parse("query:a"))
        .isEqualTo(Attribute.parse("query:a"))
        .isNotEqualTo(Attribute.parse("query:A"))
        .isNotEqualTo(Attribute.parse("cookie:a"));
    assertThat(header.hashCode()).isNotEqualTo(Attribute.parse("query:X-Env").hashCode());
    assertThat(Attribute.parse("path").hashCode())
        .isNotEqualTo(Attribute.parse("method").hashCode());
  }

  @Test
  void aHeaderThatLeavesIsTheCallsOwnOrElseTheOneThatCameIn() {
    Attribute a = Attribute.parse("header:X-Env");
    Request own = Request.of("header:X-Env", "own", "tag:x-env", "came");
    Request none = Request.of("tag:x-env", "came");
    assertThat(a.read(Request.OUTBOUND, own)).isEqualTo("own");
    assertThat(a.read(Request.OUTBOUND, none)).isEqualTo("came");
    assertThat(a.read(Request.SOURCE, none)).as("inbound").isNull();
  }

  /** A library that knows less than HTTP does: nothing but what every call has. */
  @Test
  void whatALibraryDoesNotKnowIsAbsent() {
    Fixed call = new Fixed("prod", "u", "/x");
    for (String name : new String[] {"query:a", "cookie:a", "client-ip", "caller"}) {
      assertThat(Attribute.parse(name).read(Fixed.SOURCE, call)).as(name).isNull();
    }
    assertThat(Fixed.SOURCE.grpc()).isFalse();
    assertThat(Fixed.SOURCE.outbound()).isFalse();
    assertThat(Attribute.parse("tag:a").read(Fixed.SOURCE, call)).isNull();
    Colour before = Colour.swap(Colour.of("a", "blue"));
    try {
      assertThat(Attribute.parse("tag:a").read(Fixed.SOURCE, call)).isEqualTo("blue");
    } finally {
      Colour.swap(before);
    }
  }
}
