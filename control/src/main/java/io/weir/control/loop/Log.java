package io.weir.control.loop;

/**
 * Where the control plane talks to people: one line per event, never per call. Implemented by the
 * agent; may be called from any control thread; must not throw.
 */
public interface Log {
  /** Says nothing. */
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
