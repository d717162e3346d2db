package io.weir.control.loop;

/**
 * The control plane's one thread, as its users see it: tasks run one after the other in the order
 * they came in, so state touched only from the loop needs no lock. Tests put a fake one with a
 * virtual clock in its place.
 *
 * <p>Guarantees: {@link #execute} and {@link #schedule} may be called from any thread and never
 * block; a task that throws is logged and harms no other; after the loop is closed tasks are
 * dropped silently.
 */
public interface Loop {
  /** Runs the task soon. */
  void execute(Runnable task);

  /** Runs the task not before {@code delayNanos} have passed. */
  Timer schedule(Runnable task, long delayNanos);

  /** Monotonic nanos; only differences mean anything. */
  long now();

  /** A task still to come. */
  interface Timer {
    /** The task does not run any more, unless it already runs. Idempotent. */
    void cancel();
  }
}
