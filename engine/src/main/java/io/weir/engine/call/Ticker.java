package io.weir.engine.call;

/** A monotonic nano clock; only differences mean anything. The engine never reads another. */
public interface Ticker {
  /** The running JVM's own. */
  Ticker SYSTEM =
      new Ticker() {
        @Override
        public long read() {
          return System.nanoTime();
        }
      };

  long read();
}
