package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** A made-up RPC library is governed by a jar that Weir knows nothing of: docs/extensions.md. */
@ParameterizedClass(name = "JDK {0}")
@MethodSource("jdks")
class ExtensionSampleTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @Parameter int version;

  private final Rules rules = new Rules();
  private Jvm back;
  private Jvm front;

  static List<Integer> jdks() {
    return Stream.of(8, 25).filter(v -> Jdk.want(v).isPresent()).toList();
  }

  @BeforeEach
  void startBothServices() throws IOException {
    ExtensionSample sample = ExtensionSample.build();
    Path extensions = Work.fresh("extensions");
    Files.copy(sample.extension(), extensions.resolve("parley-weir.jar"));
    String options = "extensions.dir=" + extensions + ";rules=" + rules.location();
    back = shop(sample, "service=back;" + options).start();
    front =
        shop(
                sample,
                "service=front;admin.port=0;services.back=127.0.0.1:" + back.port() + ";" + options)
            .arguments(Integer.toString(back.port()))
            .start();
  }

  @AfterEach
  void stop() {
    back.close();
    front.close();
  }

  private Jvm.Builder shop(ExtensionSample sample, String options) {
    return Jvm.of(
            Jdk.find(version).orElseThrow(),
            sample.shop() + File.pathSeparator + sample.library(),
            "org.example.shop.ShopMain")
        .weir(options);
  }

  @Test
  void rateLimitRefusesOnBothSides() {
    assertThat(call("echo")).startsWith("REPLY 0 {}");
    rules.put("service/back/rate-limit/in", "{\"qps\": 0}");
    await("echo", "REPLY 1 ");
    assertThat(call("echo")).contains("x-weir-rejected");
    rules.remove("service/back/rate-limit/in");
    await("echo", "REPLY 0 ");
    rules.put(
        "service/back/rate-limit/out",
        "{\"qps\": 0, \"side\": \"client\", \"response\": {\"body\": \"not from here\"}}");
    await("echo", "REPLY 1 ");
    assertThat(call("echo")).endsWith("not from here");
    noComplaints();
  }

  @Test
  void circuitBreakerOpensByTheCodesOfTheLibrary() {
    rules.put(
        "service/back/circuit-breaker",
        "{\"window\": {\"type\": \"count\", \"size\": 4}, \"min_calls\": 4, \"failure_ratio\": 1.0,"
            + " \"sharing\": \"local\", \"min_seconds\": 0, \"ramp_seconds\": 0,"
            + " \"response\": {\"body\": \"open\"}}");
    await("fail", "REPLY 1 ");
    assertThat(call("echo")).as("of the whole service").startsWith("REPLY 1 ").endsWith("open");
    noComplaints();
  }

  @Test
  void callerAndTrafficColourTravel() {
    rules.put("service/back/rate-limit", "{\"qps\": 1000, \"by\": [\"caller\"]}");
    await("echo", "x-weir-caller=front");
    rules.put(
        "service/back/route",
        "{\"routes\": [{\"match\": \"header:X-Canary == 'true'\", \"to\": [{\"weight\": 100}]}]}");
    front.awaitStderr("the traffic colour follows work across threads");
    back.awaitStderr("the traffic colour follows work across threads");
    // what comes in at the front goes on to the back, though its own code copies no header
    try (Jvm edge =
        shop(ExtensionSample.build(), "service=edge;rules=" + rules.location())
            .arguments(Integer.toString(front.port()))
            .start()) {
      Await.until(
          PATIENCE,
          () -> call(edge, "forward X-Canary=true").contains("x-canary=true"),
          () -> call(edge, "forward X-Canary=true"));
      assertThat(call(edge, "forward")).doesNotContain("x-canary");
    }
    noComplaints();
  }

  @Test
  void coverageTellsBothSidesAsGoverned() throws Exception {
    assertThat(front.awaitStderr("extension parley-weir.jar")).contains("instrumentation parley");
    call("echo");
    String admin =
        front
            .awaitStderr("admin endpoint on ")
            .replaceAll(".*(http://127\\.0\\.0\\.1:\\d+).*", "$1");
    Await.until(
        PATIENCE,
        () ->
            get(admin + "/coverage").contains("\"library\":\"Parley client\",\"version\":\"1.0\""),
        front::told);
    assertThat(get(admin + "/coverage")).contains("Parley server").doesNotContain("\"why\"");
  }

  private void await(String line, String reply) {
    Await.until(PATIENCE, () -> call(line).contains(reply), () -> call(line) + front.told());
  }

  private String call(String line) {
    return call(front, line);
  }

  private static String call(Jvm jvm, String line) {
    int before = replies(jvm).size();
    jvm.say(line);
    Await.until(PATIENCE, () -> replies(jvm).size() > before, jvm::told);
    return replies(jvm).get(before);
  }

  private static List<String> replies(Jvm jvm) {
    return jvm.stdout().stream().filter(l -> l.startsWith("REPLY ")).toList();
  }

  private static String get(String url) throws Exception {
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString())
        .body();
  }

  private void noComplaints() {
    assertThat(front.complaints()).isEmpty();
    assertThat(back.complaints()).isEmpty();
  }
}
