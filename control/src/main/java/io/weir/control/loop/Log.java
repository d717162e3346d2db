package io.weir.control.loop;

/**
 * The control plane's log: one line per event, never per call. The agent implements it. Its methods
 * are called on any control thread and must not throw.
 */
public interface Log {
  /** Discards everything. */
  Log NONE =
      new Log() {
        @Override
        public void info(String line) {}

        @Override
        public void warn(String line) {}
      };

  void info(String line);

  void warn(String line);
}
