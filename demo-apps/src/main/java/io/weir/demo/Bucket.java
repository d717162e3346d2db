package io.weir.demo;

/**
 * What a token bucket had to let through of the calls that really came, beside what was let
 * through: the demo's own traffic stalls now and then on a busy machine, and a limiter cannot admit
 * calls that nobody made.
 */
final class Bucket implements AutoCloseable {
  private static final long EVERY_NANOS = 20_000_000;

  private final Traffic traffic;
  private final double perSecond;
  private final double burst;
  private final long began;
  private final long admittedBefore;
  private final long offeredBefore;
  private final Thread thread = new Thread(this::watch, "bucket");
  private volatile boolean stop;

  // the watching thread's; read after it has ended
  private double due;
  private long admitted;
  private long offered;
  private double seconds;

  /**
   * Watches.
   *
   * @param empty a call that found the bucket empty. Not just now: whatever stalled in between
   *     filled the limiter's bucket, so it has to fill this one
   */
  Bucket(Traffic traffic, Traffic.Refusal empty, double perSecond, double burst) {
    this.traffic = traffic;
    this.perSecond = perSecond;
    this.burst = burst;
    began = empty.sentNanos();
    admittedBefore = empty.admitted();
    offeredBefore = empty.offered();
    thread.setDaemon(true);
    thread.start();
  }

  private void watch() {
    double tokens = 0;
    long at = began;
    long seen = offeredBefore;
    for (boolean last = false; !last; ) {
      last = stop;
      java.util.concurrent.locks.LockSupport.parkNanos(EVERY_NANOS);
      long now = System.nanoTime();
      admitted = traffic.count(200);
      offered = admitted + traffic.count(429);
      tokens = Math.min(burst, tokens + (now - at) / 1e9 * perSecond);
      double passed = Math.min(tokens, offered - seen);
      tokens -= passed;
      due += passed;
      at = now;
      seen = offered;
    }
    seconds = (at - began) / 1e9;
  }

  double admittedPerSecond() {
    return (admitted - admittedBefore) / seconds;
  }

  double offeredPerSecond() {
    return (offered - offeredBefore) / seconds;
  }

  /** Let through, against what had to be. */
  double ratio() {
    return (admitted - admittedBefore) / due;
  }

  /** Within 5 %, give or take the calls that were under way when it began or ended. */
  boolean kept() {
    return Math.abs(admitted - admittedBefore - due) <= 0.05 * due + Traffic.THREADS;
  }

  @Override
  public void close() {
    stop = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
