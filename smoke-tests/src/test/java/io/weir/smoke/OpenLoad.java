package io.weir.smoke;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;

/**
 * Callers who do not wait for each other: requests come at random at a mean rate, whatever becomes
 * of those before.
 */
final class OpenLoad implements AutoCloseable {
  /**
   * One call.
   *
   * @param at seconds since the load began, when it was made
   * @param millis how long it took
   */
  record Answer(double at, double millis, int status) {}

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final HttpRequest request;
  private final Thread thread = new Thread(this::run, "open-load");
  private final List<Answer> answers = new ArrayList<>();
  private final long began = System.nanoTime();
  private volatile double rate;
  private volatile boolean over;

  OpenLoad(int port, String path) {
    request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
    thread.setDaemon(true);
    thread.start();
  }

  /** Calls a second from now on. */
  void rate(double perSecond) {
    rate = perSecond;
    LockSupport.unpark(thread);
  }

  private void run() {
    Random random = new Random(42);
    long next = System.nanoTime();
    while (!over) {
      double r = rate;
      if (r <= 0) {
        LockSupport.parkNanos(50_000_000);
        next = System.nanoTime();
        continue;
      }
      next += (long) (-Math.log(1 - random.nextDouble()) / r * 1e9);
      for (long left; !over && (left = next - System.nanoTime()) > 0; ) {
        LockSupport.parkNanos(left); // the pace is the experiment
      }
      long at = System.nanoTime();
      client
          .sendAsync(request, HttpResponse.BodyHandlers.discarding())
          .whenComplete((answer, failure) -> ended(at, answer == null ? 0 : answer.statusCode()));
    }
  }

  private void ended(long at, int status) {
    Answer a = new Answer((at - began) / 1e9, (System.nanoTime() - at) / 1e6, status);
    synchronized (answers) {
      answers.add(a);
    }
  }

  /** Since the load began, in seconds. */
  double now() {
    return (System.nanoTime() - began) / 1e9;
  }

  /** Calls made between two times that have ended. */
  List<Answer> between(double from, double to) {
    synchronized (answers) {
      return answers.stream().filter(a -> a.at >= from && a.at < to).toList();
    }
  }

  @Override
  public void close() {
    over = true;
    LockSupport.unpark(thread);
  }
}
