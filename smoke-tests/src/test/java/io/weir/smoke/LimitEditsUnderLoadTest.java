package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;

/**
 * Thirty-two connections keep a real Tomcat saturated while its limit changes two hundred times.
 */
class LimitEditsUnderLoadTest {
  private static final int CONNECTIONS = 32;
  private static final int EDITS = 200;
  private static final int LOW = 300;
  private static final int HIGH = 600;
  private static final int BURST = 50;

  private static final String KEY = "/service/shop/rate-limit";

  /** Edits in a row, then as many puts of a key that nobody watches, and so on. */
  private static final int BLOCK = 10;

  private static final int BLOCKS = 2 * EDITS / BLOCK;
  private static final long PACE_NANOS = 40_000_000;

  private final AtomicBoolean stop = new AtomicBoolean();
  private final AtomicInteger block = new AtomicInteger(-1);
  private final AtomicLong admitted = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();
  private final List<String> other = Collections.synchronizedList(new ArrayList<>());

  // by block; even ones are edited
  private final AtomicLongArray calls = new AtomicLongArray(BLOCKS);
  private final AtomicLongArray slow = new AtomicLongArray(BLOCKS);
  private final AtomicLongArray slowest = new AtomicLongArray(BLOCKS);

  @Test
  void nothingButAdmittedAndRefusedAndNeverMoreThanTheRuleAllows() throws Exception {
    Matrix.Cell tomcat =
        Matrix.cells("servlet").stream()
            .filter(c -> c.toString().equals("tomcat-9.0 on JDK 17"))
            .findFirst()
            .orElseThrow();
    Path recorded = Work.fresh("edits").resolve("edits.jfr");
    try (EtcdServer etcd = EtcdServer.start();
        Jvm jvm =
            Sites.jvm(tomcat)
                .options(
                    "-XX:StartFlightRecording:settings=none"
                        + ",+jdk.JavaMonitorEnter#enabled=true,+jdk.JavaMonitorEnter#threshold=1ms"
                        + ",+jdk.ThreadPark#enabled=true,+jdk.ThreadPark#threshold=1ms"
                        + ",+jdk.ExecuteVMOperation#enabled=true"
                        + ",+jdk.ExecuteVMOperation#threshold=0ms")
                .weir("service=shop;etcd.endpoints=" + etcd.endpoint())
                .start()) {
      etcd.ctl("put", KEY, rule(LOW));
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < CONNECTIONS; i++) {
        Thread t = new Thread(() -> call(jvm.port()));
        t.start();
        threads.add(t);
      }
      while (refused.get() < 5000 && other.isEmpty()) {
        Thread.sleep(1); // warm, and the burst is used up
      }
      Instant edits = Instant.now(); // classes are loaded before
      long from = System.nanoTime();
      long before = admitted.get();
      for (int put = 0; put < 2 * EDITS; put++) {
        block.set(put / BLOCK);
        boolean edit = put / BLOCK % 2 == 0;
        etcd.ctl("put", edit ? KEY : "/nobody/watches", rule(put % 2 == 0 ? LOW : HIGH));
        long next = from + (put + 1) * PACE_NANOS;
        while (System.nanoTime() < next) {
          Thread.sleep(1); // the pace of the edits is the experiment
        }
      }
      double seconds = (System.nanoTime() - from) / 1e9;
      long passed = admitted.get() - before;
      stop.set(true);
      for (Thread t : threads) {
        t.join(10_000);
      }
      dump(tomcat.jdk(), jvm, recorded);

      assertThat(other).as("answers that are neither 200 nor 429").isEmpty();
      assertThat(refused.get()).as("saturated").isGreaterThan(EDITS);
      assertThat((double) passed)
          .as("admitted in " + seconds + " s")
          .isLessThanOrEqualTo(BURST + HIGH * seconds);
      assertThat((double) passed)
          .as("no token lost: more than the low rate alone")
          .isGreaterThanOrEqualTo(LOW * seconds * 0.98 - BURST);
      System.out.printf(
          "%d edits under load of %d connections: %.0f admitted/s (rules of %d and %d in turn), %d"
              + " refused%n",
          EDITS, CONNECTIONS, passed / seconds, LOW, HIGH, refused.get());
      tellPauses();
      neverHeldUp(recorded, edits);
    }
  }

  private void call(int port) {
    try {
      Raw connection = new Raw(port);
      while (!stop.get()) {
        int now = block.get();
        long at = System.nanoTime();
        Raw.Answer answer = connection.get("/hello");
        long took = System.nanoTime() - at;
        if (now >= 0) {
          calls.incrementAndGet(now);
          if (took > 5_000_000) {
            slow.incrementAndGet(now);
          }
          slowest.accumulateAndGet(now, took, Math::max);
        }
        if (answer.status() == 200) {
          admitted.incrementAndGet();
        } else if (answer.status() == 429) {
          refused.incrementAndGet();
        } else {
          other.add("status " + answer.status());
        }
        if ("close".equalsIgnoreCase(answer.header("Connection"))) {
          // Tomcat's maxKeepAliveRequests: a hundred on one connection
          connection.close();
          connection = new Raw(port);
        }
      }
      connection.close();
    } catch (Exception e) {
      other.add(e.toString());
    }
  }

  /**
   * Callers, server and etcd share the machine's cores: what is slow there is so with and without
   * edits. Only the difference within each pair of blocks is the edits'.
   */
  private void tellPauses() {
    double[] share = new double[2];
    long[] longest = new long[2];
    double sum = 0;
    double squares = 0;
    for (int b = 0; b < BLOCKS; b++) {
      double s = (double) slow.get(b) / Math.max(1, calls.get(b));
      share[b % 2] += s * 2 / BLOCKS;
      longest[b % 2] = Math.max(longest[b % 2], slowest.get(b));
      if (b % 2 == 1) {
        double d = (double) slow.get(b - 1) / Math.max(1, calls.get(b - 1)) - s;
        sum += d;
        squares += d * d;
      }
    }
    int n = BLOCKS / 2;
    double mean = sum / n;
    double error = Math.sqrt((squares / n - mean * mean) / (n - 1));
    System.out.printf(
        "calls above 5 ms: %.3f %% while edited, %.3f %% while not; difference %+.3f %% +- %.3f %%"
            + " (two standard errors, %d pairs of blocks); slowest %.1f and %.1f ms%n",
        100 * share[0],
        100 * share[1],
        100 * mean,
        200 * error,
        n,
        longest[0] / 1e6,
        longest[1] / 1e6);
  }

  private static void dump(Jdk jdk, Jvm jvm, Path to) throws Exception {
    Process jcmd =
        new ProcessBuilder(
                jdk.home().resolve("bin/jcmd").toString(),
                Long.toString(jvm.pid()),
                "JFR.dump",
                "filename=" + to)
            .redirectErrorStream(true)
            .start();
    String said = new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(jcmd.waitFor()).as(said).isZero();
  }

  /** What the flight recorder saw in the governed JVM. */
  private static void neverHeldUp(Path recorded, Instant since) throws Exception {
    List<RecordedEvent> ours = new ArrayList<>();
    double operation = 0;
    String what = "none";
    for (RecordedEvent e : RecordingFile.readAllEvents(recorded)) {
      if (e.getStartTime().isBefore(since)) {
        continue;
      }
      if (e.getEventType().getName().equals("jdk.ExecuteVMOperation")) {
        if (e.getBoolean("safepoint") && e.getDuration().toNanos() / 1e6 > operation) {
          operation = e.getDuration().toNanos() / 1e6;
          what = e.getString("operation");
        }
      } else if (e.getThread() != null
          && e.getThread().getJavaName().contains("-exec-")
          && e.getStackTrace() != null
          && e.getStackTrace().getFrames().stream()
              .anyMatch(f -> f.getMethod().getType().getName().startsWith("io.weir."))) {
        ours.add(e);
      }
    }
    assertThat(ours).as("a request thread that waited for a lock or parked in our code").isEmpty();
    System.out.printf(
        "request threads never waited in our code; longest safepoint operation %.1f ms (%s)%n",
        operation, what);
  }

  private static String rule(int qps) {
    return "{\"qps\": " + qps + ", \"burst\": " + BURST + "}";
  }
}
