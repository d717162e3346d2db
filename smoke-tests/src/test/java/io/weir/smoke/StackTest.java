package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * An application with small stacks ({@code -Xss}) works under the agent as well: a governed call
 * needs at most 8 KB of stack more than a bare one, also the first of the JVM. {@code
 * benchmarks/stack} prints the table.
 */
class StackTest {
  /** The kernel counts whole pages of 4 KB. */
  private static final int MOST_KB = 8;

  private static final String[] CALLS = {"servlet", "okhttp", "grpc-client", "grpc-server"};

  private static final String JARS =
      Maven.resolve(
          "org.apache.tomcat.embed:tomcat-embed-core:10.1.59",
          "com.squareup.okhttp3:okhttp:4.12.0",
          "io.grpc:grpc-netty-shaded:1.60.2",
          "io.grpc:grpc-stub:1.60.2");

  @Test
  void aGovernedCallNeedsHardlyMoreStackThanABareOne() {
    Rules rules =
        new Rules()
            .put(
                "service/app/rate-limit",
                "{\"qps\": 100000, \"match\": \"path matches '/(hello|world)+'\"}")
            .put("service/*/circuit-breaker", "{\"window\": {\"type\": \"count\", \"size\": 20}}");
    Map<String, Integer> bare;
    try (Jvm jvm = app().start()) {
      bare = measure(jvm);
    }
    Map<String, Integer> governed;
    try (Jvm jvm = app().weir("service=app;rules=" + rules.location()).start()) {
      jvm.awaitStderr("configuration");
      rules.awaitInForce("app", jvm, "/hello");
      governed = measure(jvm);
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
    }
    System.out.printf("%-22s %8s %8s %8s%n", "stack, KB", "bare", "governed", "more");
    bare.forEach(
        (call, kb) ->
            System.out.printf(
                "%-22s %8d %8d %8d%n", call, kb, governed.get(call), governed.get(call) - kb));
    bare.forEach(
        (call, kb) ->
            assertThat(governed.get(call) - kb)
                .as("KB of stack that %s needs more than %d", call, kb)
                .isLessThanOrEqualTo(MOST_KB));
  }

  @Test
  void whatRecursesInAServletAsDeepAsTheStackAllowsDoesSoGoverned() {
    Rules rules =
        new Rules().put("service/app/rate-limit", "{\"qps\": 100000, \"by\": [\"client.ip\"]}");
    int most;
    try (Jvm jvm = app().options("-Xss180k").start()) {
      // the frames that 8 KB hold, of some 110 bytes each, are what the agent may take
      most = number(ask(jvm, "most", "most")) - 75;
    }
    try (Jvm jvm =
        app().options("-Xss180k").weir("service=app;rules=" + rules.location()).start()) {
      rules.awaitInForce("app", jvm, "/hello");
      assertThat(ask(jvm, "recurse " + most, "recurse " + most)).endsWith(" 200");
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
    }
  }

  /** The smallest stack that a JVM of Java 17 takes. */
  private static final int LEAST_KB = 136;

  /** More than the application needs: where the search for what it needs begins. */
  private static final int ENOUGH_KB = 384;

  private static final int PAGE_KB = 4;

  /** Tomcat, OkHttp and gRPC start and make each call, on threads with the smallest of stacks. */
  @Test
  void anApplicationThatWorksWithASmallStackWorksGovernedWithEightKilobytesMore() {
    int fails = LEAST_KB - PAGE_KB;
    int works = ENOUGH_KB;
    while (works - fails > PAGE_KB) {
      int kb = (fails + works) / 2 / PAGE_KB * PAGE_KB;
      if (works(app(), kb) && works(app(), kb)) { // a page more or less is chance
        works = kb;
      } else {
        fails = kb;
      }
    }
    Rules rules =
        new Rules()
            .put("service/app/rate-limit", "{\"qps\": 100000, \"by\": [\"client.ip\"]}")
            .put("service/*/circuit-breaker", "{\"window\": {\"type\": \"count\", \"size\": 20}}");
    String options = "service=app;rules=" + rules.location();
    int governed = works;
    while (governed <= works + 4 * MOST_KB && !works(app().weir(options), governed)) {
      governed += PAGE_KB;
    }
    assertThat(works).isLessThan(ENOUGH_KB);
    System.out.printf("smallest -Xss: bare %d KB, governed %d KB%n", works, governed);
    assertThat(governed).isLessThanOrEqualTo(works + MOST_KB);
    try (Jvm jvm = app().options("-Xss" + (works + MOST_KB) + "k").weir(options).start()) {
      rules.awaitInForce("app", jvm, "/hello");
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
    }
  }

  private static boolean works(Jvm.Builder app, int kb) {
    try (Jvm jvm = app.options("-Xss" + kb + "k").start()) {
      boolean works = jvm.stdout().get(0).startsWith("start 200 ");
      for (String times : new String[] {"first", "later"}) {
        for (String call : CALLS) {
          works = works && ask(jvm, call + " " + times, call + " " + times).contains(" 200 ");
        }
      }
      return works && jvm.stderr().stream().noneMatch(l -> l.contains("StackOverflowError"));
    } catch (AssertionError noAnswer) {
      return false;
    }
  }

  /** Interpreted, where frames are largest and always the same. */
  private static Jvm.Builder app() {
    String classes = Apps.compile("stack", JARS, Map.of());
    return Jvm.of(Jdk.find(17).orElseThrow(), Apps.with(classes, JARS), "StackApp")
        .options("-Xint");
  }

  private static Map<String, Integer> measure(Jvm jvm) {
    Map<String, Integer> kb = new LinkedHashMap<>();
    for (String times : new String[] {"first", "later"}) {
      for (String call : CALLS) {
        String name = call + " " + times;
        kb.put(name, number(ask(jvm, name, name + " 200 ")));
      }
    }
    return kb;
  }

  private static String ask(Jvm jvm, String what, String answer) {
    jvm.say(what);
    return jvm.awaitStdout(answer);
  }

  private static int number(String answer) {
    return Integer.parseInt(answer.substring(answer.lastIndexOf(' ') + 1));
  }
}
