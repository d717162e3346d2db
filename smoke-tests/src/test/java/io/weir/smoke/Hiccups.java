package io.weir.smoke;

/**
 * How late this machine wakes threads that are due: what a bound in time has to forgive, whoever
 * else is busy on it.
 */
final class Hiccups implements AutoCloseable {
  private static final long EVERY_NANOS = 5_000_000;

  private final Thread thread = new Thread(this::watch, "hiccups");
  private volatile long worst;
  private volatile boolean stop;

  Hiccups() {
    thread.setDaemon(true);
    thread.start();
  }

  private void watch() {
    for (long before = System.nanoTime(); !stop; ) {
      java.util.concurrent.locks.LockSupport.parkNanos(EVERY_NANOS);
      long now = System.nanoTime();
      worst = Math.max(worst, now - before - EVERY_NANOS);
      before = now;
    }
  }

  /** The longest delay so far. */
  long worstNanos() {
    return worst;
  }

  /** Forgets the delays so far. */
  void anew() {
    worst = 0;
  }

  @Override
  public void close() {
    stop = true;
  }
}
