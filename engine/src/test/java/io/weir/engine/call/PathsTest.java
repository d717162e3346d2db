package io.weir.engine.call;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PathsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/login",
        "/a/b",
        "/a.b/c..d",
        "/.well-known/x",
        "/..a",
        "/a/...",
        "/a/.../b",
        "*"
      })
  void aPathInItsNormalSpellingIsLeftAsItIs(String path) {
    assertThat(Paths.ofUri(path)).isSameAs(path);
    assertThat(Paths.ofMapped(path, "", path, null)).isSameAs(path);
  }

  @ParameterizedTest
  @CsvSource({
    "//login, /login",
    "///login//, /login",
    "/login/, /login",
    "/login;x=1, /login",
    "/login;x=1/, /login",
    "//login;x=1, /login",
    "/;a=b/login, /login",
    "/;/login, /login",
    "/login;, /login",
    "/log%69n, /login",
    "/%6c%6F%67%69%6e, /login",
    "/./login, /login",
    "/login/., /login",
    "/%2e/login, /login",
    "/%2E%2e/login, /login",
    "/a/../login, /login",
    "/a/.%2e/login, /login",
    "/a/..;/login, /login",
    "/a/..;x=/../login, /login",
    "/../login, /login",
    "/../../login, /login",
    "/a/b/../../login, /login",
    "/a//../login, /login",
    "/%2Flogin, /login",
    "/%2flogin, /login",
    "/%5Clogin, /login",
    "/\\login, /login",
    "/login%2F, /login",
    "/login%3Bx=1, /login",
    "/a%2F..%2Flogin, /a/../login",
    "/a\\..\\login, /a/../login",
    "/a%2flogin, /a/login",
    "/log%2569n, /log%69n",
    "/log%zzn, /log%zzn",
    "/login%, /login%",
    "/login%2, /login%2",
    "/%c0%aflogin, /\uFFFD\uFFFDlogin",
    "/%C3%A4, /\u00e4",
    "/\u00e4, /\u00e4",
    "/LOGIN, /LOGIN",
    "/%2e%2e, /",
    "/;x, /",
    "//, /",
  })
  void spellingsOfAPathBecomeOne(String sent, String normal) {
    assertThat(Paths.ofUri(sent)).isEqualTo(normal);
  }

  @Test
  void whatTheContainerChoseByCounts() {
    // a context, a servlet and what is left
    assertThat(Paths.ofMapped("/app/api/x", "/app", "/api", "/x")).isEqualTo("/app/api/x");
    assertThat(Paths.ofMapped("/app/", "/app", "", "/")).isEqualTo("/app");
    // rewritten by a valve or a handler
    assertThat(Paths.ofMapped("/old", "", "/new", null)).isEqualTo("/new");
    assertThat(Paths.ofMapped("/old", "", "/new", "/")).isEqualTo("/new");
    // decoded by the container in another charset, as text
    assertThat(Paths.ofMapped("/%e4", "", "/\u00e4", null)).isEqualTo("/\u00e4");
    // the context path is as sent
    assertThat(Paths.ofMapped("/%61pp/login", "/%61pp", "/login", null)).isEqualTo("/app/login");
    // a container that keeps empty segments and encoded slashes
    assertThat(Paths.ofMapped("//login;x=1", "", "//login", null)).isEqualTo("/login");
    assertThat(Paths.ofMapped("/%2Flogin", "", "/%2Flogin", null)).isEqualTo("/login");
    // decoded once only: here the caller sent an encoded percent sign
    assertThat(Paths.ofMapped("/a%252Fb", "", "/a%2Fb", null)).isEqualTo("/a%2Fb");
    // one that decodes them and resolves dots afterwards
    assertThat(Paths.ofMapped("/a%2F..%2Flogin", "", "/login", null)).isEqualTo("/login");
    // one that does neither must not let a caller leave a limited prefix
    assertThat(Paths.ofMapped("/api%2F..%2Fhealthz", "", "/api%2F..%2Fhealthz", null))
        .isEqualTo("/api/../healthz");
    // one that says nothing
    assertThat(Paths.ofMapped("//login", null, null, null)).isEqualTo("/login");
  }

  @Test
  void aTextForAWholePathEndsInNoSlash() {
    assertThat(Paths.ofRule("/login/")).isEqualTo("/login");
    assertThat(Paths.ofRule("/")).isEqualTo("/");
    assertThat(Paths.ofRule("//")).isEqualTo("/");
  }

  @Test
  void normalIsNormalOnceAndForAll() {
    Random random = new Random(7);
    String[] parts = {
      "/", "/", "a", ".", "..", ";", "\\", "%2e", "%2F", "%5c", "%", "%41", "\u00e4"
    };
    for (int i = 0; i < 200_000; i++) {
      StringBuilder sent = new StringBuilder("/");
      for (int n = random.nextInt(8); n > 0; n--) {
        sent.append(parts[random.nextInt(parts.length)]);
      }
      String once = Paths.ofUri(sent.toString());
      assertThat(once).as(sent.toString()).startsWith("/").doesNotContain("//", "\\", ";");
      assertThat(once.length() == 1 || !once.endsWith("/")).as(sent.toString()).isTrue();
    }
  }

  @Test
  @Tag("no-mutation")
  void aNormalPathAllocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().getId();
    String sent = "/app/api/orders/4711";
    long length = 0;
    long bytes = Long.MAX_VALUE;
    for (int round = 0; round < 3; round++) {
      long before = threads.getThreadAllocatedBytes(id);
      for (int i = 0; i < 20_000; i++) {
        length += Paths.ofMapped(sent, "/app", "/api", "/orders/4711").length();
        length += Paths.ofUri(sent).length();
      }
      bytes = threads.getThreadAllocatedBytes(id) - before;
    }
    assertThat(bytes).as("after %d characters", length).isLessThan(20_000);
  }
}
