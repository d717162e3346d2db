package io.weir.instrumentation.okhttp.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import okhttp3.Request;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OkHttpLibraryTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"/login", "//login", "/log%69n", "/login/", "/;a=b/login;x=1", "/a/../login"})
  void aRuleOnTheCallersSideSeesThePathThatOneOnTheServicesSideSees(String sent) {
    Request request = new Request.Builder().url("http://shop" + sent + "?q=/other").build();
    assertThat(new OkHttpLibrary("front").path(request)).isEqualTo("/login");
  }
}
