package io.weir.smoke;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Steady calls to JVMs under test: two connections to each, a call every 20 ms, every fourth one
 * held back by a rule that must stay in force. Any other answer, and any broken connection, is kept
 * as unexpected.
 */
final class Traffic implements AutoCloseable {
  /** What the fourth call carries; the rule refuses it. */
  static final String HELD = "X-Weir-Held: 1";

  /** Refuses what is held, and nobody else. */
  static final String HELD_RULE =
      "{\"qps\": 0, \"by\": [\"header:X-Weir-Held\"], \"on_missing\": \"skip\", \"match\":"
          + " \"exists header:X-Weir-Held\"}";

  private static final int CONNECTIONS = 2;
  private static final long BETWEEN_MILLIS = 20;

  private final AtomicLong passed = new AtomicLong();
  private final AtomicLong held = new AtomicLong();
  private final AtomicLong slowest = new AtomicLong();
  private final Queue<String> unexpected = new ConcurrentLinkedQueue<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean stop;

  /** Whether the rule is known to be in force. */
  private volatile boolean holding = true;

  Traffic(List<Jvm> jvms) {
    for (Jvm jvm : jvms) {
      for (int i = 0; i < CONNECTIONS; i++) {
        Thread t = new Thread(() -> run(jvm.port()), "traffic");
        t.setDaemon(true);
        t.start();
        threads.add(t);
      }
    }
  }

  private void run(int port) {
    Raw connection = null;
    for (int n = 0; !stop; n++) {
      boolean hold = n % 4 == 3;
      boolean sure = holding;
      try {
        if (connection == null) {
          connection = new Raw(port);
        }
        long began = System.nanoTime();
        Raw.Answer answer = hold ? connection.get("/hello", HELD) : connection.get("/hello");
        int status = answer.status();
        slowest.accumulateAndGet(System.nanoTime() - began, Math::max);
        if (status == 429 && hold) {
          held.incrementAndGet();
        } else if (status == 200 && (!hold || !sure || !holding)) {
          passed.incrementAndGet();
        } else {
          unexpected.add(status + (hold ? " where the rule holds calls back" : ""));
        }
        if ("close".equalsIgnoreCase(answer.header("Connection"))) {
          connection.close();
          connection = null;
        }
        Thread.sleep(BETWEEN_MILLIS); // the pace is the experiment
      } catch (IOException e) {
        unexpected.add(e.toString());
        connection = null;
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  /** Until told otherwise, held calls may pass as well: the truth has no such rule for a while. */
  void holding(boolean now) {
    holding = now;
  }

  long passed() {
    return passed.get();
  }

  long held() {
    return held.get();
  }

  /** Neither passed nor held back by the rule, in words. */
  List<String> unexpected() {
    return List.copyOf(unexpected);
  }

  /** The longest call since this was last asked, in milliseconds. */
  double slowestMillis() {
    return slowest.getAndSet(0) / 1e6;
  }

  @Override
  public void close() {
    stop = true;
    try {
      for (Thread t : threads) {
        t.join(10_000);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
