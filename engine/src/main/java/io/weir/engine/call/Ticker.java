package io.weir.engine.call;

/**
 * A monotonic nano clock: only differences of readings have a meaning. The engine uses no other
 * clock.
 */
public interface Ticker {
  /** The clock of the JVM. */
  Ticker SYSTEM =
      new Ticker() {
        @Override
        public long read() {
          return System.nanoTime();
        }
      };

  long read();
}
