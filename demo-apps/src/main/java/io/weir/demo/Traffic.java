package io.weir.demo;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/** Steady calls to the shop's front end from a few threads, counted by status. */
final class Traffic implements AutoCloseable {
  /** Marks the answers to calls that carried X-Canary, for {@link #paid}. */
  static final String CANARY = "X-Canary";

  private static final String PAID = "paid by payment ";

  /** At most so many calls are under way. */
  static final int THREADS = 4;

  private static final long SURE_NANOS = 20_000_000;

  /**
   * A call that was refused within {@value #SURE_NANOS} ns, so that it is known when the limiter's
   * bucket was empty.
   *
   * @param sentNanos when it was sent
   * @param admitted calls answered with 200 by then
   */
  record Refusal(long sentNanos, long admitted, long offered) {}

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final String url;
  private final long gapNanos;
  private final AtomicLongArray byStatus = new AtomicLongArray(600);
  private final AtomicLongArray ended = new AtomicLongArray(THREADS);
  private final AtomicLong broken = new AtomicLong();

  /** Good answers by what they say about who paid; those to calls with X-Canary begin with it. */
  private final Map<String, LongAdder> paid = new ConcurrentHashMap<>();

  private volatile boolean stop;
  private volatile String canaryHeader;
  private volatile long firstRefusedNanos;
  private volatile Refusal refusal;

  Traffic(String url, int perSecond) {
    this.url = url;
    this.gapNanos = 1_000_000_000L * THREADS / perSecond;
    for (int i = 0; i < THREADS; i++) {
      int nr = i;
      Thread t = new Thread(() -> run(nr), "traffic-" + i);
      t.setDaemon(true);
      t.start();
    }
  }

  private void run(int nr) {
    long next = System.nanoTime();
    while (!stop) {
      next += gapNanos;
      long wait = next - System.nanoTime();
      if (wait > 0) {
        java.util.concurrent.locks.LockSupport.parkNanos(wait);
      } else if (wait < -1_000_000_000L) {
        next = System.nanoTime();
      }
      try {
        HttpRequest.Builder b = HttpRequest.newBuilder(URI.create(url));
        String header = canaryHeader;
        if (header != null) {
          b.header("X-Canary", header);
        }
        long admitted = count(200);
        long offered = admitted + count(429);
        long sent = System.nanoTime();
        HttpResponse<String> r = http.send(b.build(), HttpResponse.BodyHandlers.ofString());
        byStatus.incrementAndGet(r.statusCode());
        if (r.statusCode() == 429 && refusal == null) {
          long now = System.nanoTime();
          if (firstRefusedNanos == 0) {
            firstRefusedNanos = now;
          }
          if (now - sent <= SURE_NANOS) {
            refusal = new Refusal(sent, admitted, offered);
          }
        }
        int by = r.body().indexOf(PAID);
        if (by >= 0) {
          String who = r.body().substring(by + PAID.length());
          paid.computeIfAbsent((header == null ? "" : CANARY + " ") + who, k -> new LongAdder())
              .increment();
        }
      } catch (java.io.IOException e) {
        broken.incrementAndGet();
      } catch (InterruptedException e) {
        return;
      }
      ended.incrementAndGet(nr);
    }
  }

  /** Calls answered so far, by status. */
  long count(int status) {
    return byStatus.get(status);
  }

  String url() {
    return url;
  }

  long brokenConnections() {
    return broken.get();
  }

  /** Good answers so far that say all of these words about who paid, and why. */
  long paid(String... words) {
    long n = 0;
    for (Map.Entry<String, LongAdder> e : paid.entrySet()) {
      boolean all = true;
      for (String w : words) {
        all &= (" " + e.getKey() + " ").contains(" " + w + " ");
      }
      n += all ? e.getValue().sum() : 0;
    }
    return n;
  }

  void sendCanaryHeader(String value) {
    canaryHeader = value;
  }

  void forgetRefusals() {
    firstRefusedNanos = 0;
    refusal = null;
  }

  /** When the first 429 since {@link #forgetRefusals} came, 0 for not yet. */
  long firstRefusedNanos() {
    return firstRefusedNanos;
  }

  /** Until no call is under way that began before this. */
  void awaitRound() throws InterruptedException {
    for (int i = 0; i < THREADS; i++) {
      long next = ended.get(i) + 1;
      while (ended.get(i) < next) {
        Thread.sleep(1);
      }
    }
  }

  /** The first quick 429 since {@link #forgetRefusals}, null for not yet. */
  Refusal refusal() {
    return refusal;
  }

  @Override
  public void close() {
    stop = true;
  }
}
