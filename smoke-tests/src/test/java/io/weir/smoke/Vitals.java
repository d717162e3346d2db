package io.weir.smoke;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a JVM holds at a moment, by its own jcmd.
 *
 * @param threads how many of each name; digits are taken out of names
 * @param heap bytes alive after a full collection
 */
record Vitals(Map<String, Integer> threads, long heap) {
  private static final Pattern THREAD = Pattern.compile("(?m)^\"([^\"]*)\" ");
  private static final Pattern TOTAL = Pattern.compile("(?m)^Total\\s+\\d+\\s+(\\d+)");

  static Vitals of(Jdk jdk, Jvm jvm) {
    Map<String, Integer> threads = threads(jdk, jvm);
    // what only finalizers and reference queues held goes at the second collection
    jcmd(jdk, jvm, "GC.run");
    Matcher total = TOTAL.matcher(jcmd(jdk, jvm, "GC.class_histogram"));
    if (threads.isEmpty() || !total.find()) {
      throw new IllegalStateException("jcmd told nothing\n" + jvm.told());
    }
    return new Vitals(threads, Long.parseLong(total.group(1)));
  }

  private static Map<String, Integer> threads(Jdk jdk, Jvm jvm) {
    Map<String, Integer> threads = new TreeMap<>();
    Matcher m = THREAD.matcher(jcmd(jdk, jvm, "Thread.print"));
    while (m.find()) {
      // the JIT compiler's come and go by its own work
      if (!m.group(1).contains("CompilerThread")) {
        threads.merge(m.group(1).replaceAll("[0-9]+", "N"), 1, Integer::sum);
      }
    }
    return threads;
  }

  /**
   * What a JVM holds once there are of no name more threads than before; fails when there still are
   * after a minute and a half. A cached pool, as gRPC's, keeps a thread for a minute after its last
   * task: one that was started and is given back is no growth, one that stays is.
   */
  static Vitals settled(Jdk jdk, Jvm jvm, Vitals before) {
    Await.until(
        Duration.ofSeconds(90),
        () -> {
          boolean more = !more(before.threads, threads(jdk, jvm)).isEmpty();
          if (more) {
            Thread.sleep(2000); // each look costs the machine a jcmd
          }
          return !more;
        },
        () -> "no more threads; more: " + more(before.threads, threads(jdk, jvm)));
    return of(jdk, jvm);
  }

  int threadCount() {
    return threads.values().stream().mapToInt(Integer::intValue).sum();
  }

  /** Of which names there are more, and how many. */
  private static Map<String, Integer> more(Map<String, Integer> before, Map<String, Integer> now) {
    Map<String, Integer> more = new TreeMap<>();
    now.forEach(
        (name, n) -> {
          int d = n - before.getOrDefault(name, 0);
          if (d > 0) {
            more.put(name, d);
          }
        });
    return more;
  }

  private static String jcmd(Jdk jdk, Jvm jvm, String command) {
    try {
      Process p =
          new ProcessBuilder(
                  jdk.home().resolve("bin/jcmd").toString(), Long.toString(jvm.pid()), command)
              .redirectErrorStream(true)
              .start();
      String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (p.waitFor() != 0) {
        throw new IllegalStateException("jcmd " + command + ": " + out);
      }
      return out;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
