package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What Weir does not govern it says itself: in the log, on the admin endpoint, in the status key
 * and by every command that would otherwise let an operator believe that a rule acts.
 */
@ParameterizedClass(name = "JDK {0}")
@MethodSource("jdks")
class CoverageTest {
  private static final String REFUSE_ALL = "{\"qps\": 0, \"side\": \"client\"}";

  /** A library of the JDK that is governed, and here is not. */
  private static final String WITHOUT = "instrumentation.urlconnection.enabled=false;";

  @Parameter Jdk jdk;

  static List<Jdk> jdks() {
    return java.util.stream.Stream.of(17, 25).flatMap(v -> Jdk.want(v).stream()).toList();
  }

  private final String jars =
      Maven.resolve(
          "com.squareup.okhttp3:okhttp:4.12.0",
          "org.apache.httpcomponents:httpclient:4.5.14",
          "org.springframework:spring-web:5.3.39");

  private Jvm.Builder app() {
    return Jvm.of(jdk, Apps.with(Apps.compile("coverage", jars, Map.of()), jars), "CoverageMain");
  }

  @ParameterizedTest
  @ValueSource(strings = {"auto", "transformer"})
  void librariesThatAreNotGovernedAreToldOnceWithVersionAndSide(String weaving) throws Exception {
    Rules rules = new Rules().put("service/127.0.0.1/rate-limit", REFUSE_ALL);
    String options =
        WITHOUT + "service=shop;admin.port=0;weaving=" + weaving + ";rules=" + rules.location();
    try (Jvm jvm = app().weir(options).start()) {
      String admin = admin(jvm);
      Await.until(
          Duration.ofSeconds(30),
          () -> call(jvm, "okhttp") == 429,
          () -> "not in force\n" + jvm.told());
      assertThat(call(jvm, "apache4")).isEqualTo(429);
      for (String passes : List.of("resttemplate", "jdk")) {
        assertThat(call(jvm, passes)).as(passes).isEqualTo(200);
      }
      for (String told :
          List.of(
              "HttpURLConnection of Java " + version(jvm),
              "java.net.http of Java " + version(jvm))) {
        assertThat(jvm.awaitStderr("WARN " + told + " is loaded and not governed"))
            .contains("calls that the application makes with it pass every rule");
      }
      assertThat(jvm.awaitStderr("WARN JDK HttpServer"))
          .contains("calls that it receives pass every rule");
      call(jvm, "jdk");
      Await.until(
          Duration.ofSeconds(30),
          () -> get(admin + "/coverage").contains("\"library\":\"java.net.http\""),
          () -> get(admin + "/coverage"));
      assertThat(get(admin + "/coverage"))
          .contains(
              "{\"library\":\"OkHttp\",\"version\":\"4.12.0\",\"side\":\"client\",\"governed\":true,"
                  + "\"used\":true}",
              "{\"library\":\"Apache HttpClient 4\",\"version\":\"4.5.14\",\"side\":\"client\","
                  + "\"governed\":true,\"used\":true}",
              "{\"library\":\"java.net.http\",\"version\":\"of Java "
                  + version(jvm)
                  + "\",\"side\":\"client\","
                  + "\"governed\":false,\"why\":\"no instrumentation for it yet\"}",
              "\"library\":\"HttpURLConnection\"");
      assertThat(get(admin + "/metrics"))
          .contains(
              "weir_coverage{library=\"OkHttp\",version=\"4.12.0\",side=\"client\"} 1",
              "weir_coverage{library=\"Apache HttpClient 4\",version=\"4.5.14\",side=\"client\"}"
                  + " 1",
              "weir_coverage{library=\"java.net.http\",version=\"of Java "
                  + version(jvm)
                  + "\",side=\"client\"} 0");
      assertThat(jvm.stderr().stream().filter(l -> l.contains("java.net.http of Java")))
          .as("once")
          .hasSize(1);
    }
  }

  /** Weir loads the class to weave it, which does not count. */
  @Test
  void aLibraryOfTheJdkIsToldOnceItIsUsed() throws Exception {
    Rules rules = new Rules();
    try (Jvm jvm = app().weir("service=shop;admin.port=0;rules=" + rules.location()).start()) {
      String admin = admin(jvm);
      assertThat(call(jvm, "okhttp")).isEqualTo(200);
      Await.until(
          Duration.ofSeconds(30),
          () -> get(admin + "/coverage").contains("\"library\":\"OkHttp\""),
          () -> get(admin + "/coverage"));
      assertThat(get(admin + "/coverage")).doesNotContain("HttpURLConnection");
      assertThat(call(jvm, "resttemplate")).isEqualTo(200);
      Await.until(
          Duration.ofSeconds(30),
          () -> get(admin + "/coverage").contains("\"library\":\"HttpURLConnection\""),
          () -> get(admin + "/coverage"));
      assertThat(get(admin + "/coverage"))
          .containsPattern("HttpURLConnection[^}]*\"governed\":true,\"used\":true");
    }
  }

  @Test
  void aLibraryThatIsSwitchedOffIsNotGoverned() throws Exception {
    Rules rules = new Rules();
    String options = "service=shop;instrumentation.okhttp.enabled=false;rules=" + rules.location();
    try (Jvm jvm = app().weir(options).start()) {
      assertThat(call(jvm, "okhttp")).isEqualTo(200);
      assertThat(jvm.awaitStderr("OkHttp 4.12.0 is loaded and not governed"))
          .contains("weir.instrumentation.okhttp.enabled=false");
    }
  }

  @Test
  void statusDoctorAndExplainSayWhichCallsPassARule() throws Exception {
    Path home = Work.fresh("coverage");
    try (EtcdServer etcd = EtcdServer.start()) {
      Cli weir = new Cli(home).env("WEIR_ETCD_ENDPOINTS", etcd.endpoint());
      etcd.ctl("put", "/service/pay/circuit-breaker", "{\"force\": \"open\"}");
      etcd.ctl("put", "/service/shop/rate-limit", "{\"qps\": 5}");
      try (Jvm jvm =
          app()
              .weir(WITHOUT + "service=shop;drain_ms=0;etcd.endpoints=" + etcd.endpoint())
              .start()) {
        assertThat(call(jvm, "resttemplate")).isEqualTo(200);
        Await.until(
            Duration.ofSeconds(60),
            () -> weir.run("status").out().contains("HttpURLConnection"),
            () -> weir.run("status") + "\n" + jvm.told());
        assertThat(weir.run("status").out())
            .containsPattern("NOT GOVERNED +SERVICE +SIDE +INSTANCES +WHY")
            .containsPattern(
                "HttpURLConnection of Java \\S+ +shop +client +1 +weir.instrumentation.url")
            .containsPattern("JDK HttpServer of Java \\S+ +shop +server +1");
        assertThat(weir.run("explain", "pay", "/", "--caller", "shop").exits(0).out())
            .containsPattern("refused: ")
            .containsPattern("but: calls that shop makes with HttpURLConnection of Java \\S+ pass");
        assertThat(weir.run("explain", "pay", "/", "--caller", "other").exits(0).out())
            .doesNotContain("calls that shop makes");
        assertThat(weir.run("doctor").out())
            .contains("no server of shop is governed: limits on calls to it act nowhere")
            .contains("no client that any instance has loaded is governed")
            .containsPattern("note +coverage shop: HttpURLConnection .* in 1 instance and not");
        assertThat(weir.run("doctor", Long.toString(jvm.pid())).out())
            .contains("JDK HttpServer (server) is loaded and not governed");
      }
    }
  }

  private static int call(Jvm jvm, String client) {
    int before = answers(jvm, client).size();
    jvm.say(client);
    Await.until(Duration.ofSeconds(30), () -> answers(jvm, client).size() > before, jvm::told);
    return Integer.parseInt(answers(jvm, client).get(before).substring(client.length() + 1));
  }

  private static List<String> answers(Jvm jvm, String client) {
    return jvm.stdout().stream().filter(l -> l.startsWith(client + " ")).toList();
  }

  private static String version(Jvm jvm) {
    return jvm.awaitStderr("HttpURLConnection of Java ")
        .replaceAll(".*HttpURLConnection of Java (\\S+) .*", "$1");
  }

  private static String admin(Jvm jvm) {
    return jvm.awaitStderr("admin endpoint on ")
        .replaceAll(".*(http://127\\.0\\.0\\.1:\\d+).*", "$1");
  }

  private static String get(String url) {
    try {
      return HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString())
          .body();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
