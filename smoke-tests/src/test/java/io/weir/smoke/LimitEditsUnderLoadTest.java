package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
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

  @Test
  void nothingButAdmittedAndRefusedAndNeverMoreThanTheRuleAllows() throws Exception {
    Matrix.Cell tomcat =
        Matrix.cells("servlet").stream()
            .filter(c -> c.toString().equals("tomcat-9.0 on JDK 17"))
            .findFirst()
            .orElseThrow();
    try (EtcdServer etcd = EtcdServer.start();
        Jvm jvm =
            Sites.jvm(tomcat).weir("service=shop;etcd.endpoints=" + etcd.endpoint()).start()) {
      etcd.ctl("put", KEY, rule(LOW));
      AtomicBoolean stop = new AtomicBoolean();
      AtomicLong admitted = new AtomicLong();
      AtomicLong refused = new AtomicLong();
      List<String> other = Collections.synchronizedList(new ArrayList<>());
      List<Long> slowestQuiet = Collections.synchronizedList(new ArrayList<>());
      List<Long> slowestEdited = Collections.synchronizedList(new ArrayList<>());
      AtomicBoolean editing = new AtomicBoolean();
      CountDownLatch running = new CountDownLatch(CONNECTIONS);
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < CONNECTIONS; i++) {
        Thread t =
            new Thread(
                () -> {
                  long quiet = 0;
                  long edited = 0;
                  try {
                    Raw connection = new Raw(jvm.port());
                    running.countDown();
                    while (!stop.get()) {
                      boolean now = editing.get();
                      long at = System.nanoTime();
                      Raw.Answer answer = connection.get("/hello");
                      int status = answer.status();
                      long took = System.nanoTime() - at;
                      if (now) {
                        edited = Math.max(edited, took);
                      } else {
                        quiet = Math.max(quiet, took);
                      }
                      if (status == 200) {
                        admitted.incrementAndGet();
                      } else if (status == 429) {
                        refused.incrementAndGet();
                      } else {
                        other.add("status " + status);
                      }
                      if ("close".equalsIgnoreCase(answer.header("Connection"))) {
                        // Tomcat's maxKeepAliveRequests: a hundred on one connection
                        connection.close();
                        connection = new Raw(jvm.port());
                      }
                    }
                    connection.close();
                  } catch (Exception e) {
                    other.add(e.toString());
                  }
                  slowestQuiet.add(quiet);
                  slowestEdited.add(edited);
                });
        t.start();
        threads.add(t);
      }
      running.await();
      long enough = refused.get() + 5000;
      while (refused.get() < enough && other.isEmpty()) {
        Thread.onSpinWait(); // warm, and the burst is used up
      }
      long warm = System.nanoTime();
      while (System.nanoTime() - warm < 2_000_000_000L) {
        Thread.sleep(10); // the quiet time that edits are compared with
      }
      long from = System.nanoTime();
      long before = admitted.get();
      editing.set(true);
      for (int edit = 1; edit <= EDITS; edit++) {
        etcd.ctl("put", KEY, rule(edit % 2 == 0 ? LOW : HIGH));
        long next = from + edit * 40_000_000L;
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

      assertThat(other).as("answers that are neither 200 nor 429").isEmpty();
      assertThat(refused.get()).as("saturated").isGreaterThan(EDITS);
      assertThat((double) passed)
          .as("admitted in " + seconds + " s")
          .isLessThanOrEqualTo(BURST + HIGH * seconds);
      assertThat((double) passed)
          .as("no token lost: more than the low rate alone")
          .isGreaterThanOrEqualTo(LOW * seconds * 0.98 - BURST);
      System.out.printf(
          "%d edits under load: %.0f admitted/s (rules of %d and %d in turn), %d refused, slowest"
              + " call %.1f ms while edited, %.1f ms while not%n",
          EDITS,
          passed / seconds,
          LOW,
          HIGH,
          refused.get(),
          Collections.max(slowestEdited) / 1e6,
          Collections.max(slowestQuiet) / 1e6);
    }
  }

  private static String rule(int qps) {
    return "{\"qps\": " + qps + ", \"burst\": " + BURST + "}";
  }
}
