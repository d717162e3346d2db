package io.weir.control.loop;

/**
 * The control plane's one thread, as its users see it: tasks run one after the other in the order
 * they came in, so state touched only from the loop needs no lock. Tests put a fake one with a
 * virtual clock in its place.
 *
 * <p>Guarantees: {@link #execute}, {@link #schedule} and the methods of {@link Chain} may be called
 * from any thread and never block; a task that throws, whatever it throws, is counted and logged
 * and harms no other; after the loop is closed tasks are dropped silently.
 *
 * <p>What is to go on for ever is a {@link #chain} or runs {@link #every} so often. A task that
 * schedules itself again does not once it throws before that.
 */
public interface Loop {
  /** How soon a step of a chain is tried again that threw and left nothing due. */
  long AGAIN_NANOS = 1_000_000_000L;

  /** Runs the task soon. */
  void execute(Runnable task);

  /** Runs the task not before {@code delayNanos} have passed. */
  Timer schedule(Runnable task, long delayNanos);

  /**
   * Makes a chain: the same step again and again, each time when {@link Chain#in} said. It is idle
   * until then.
   *
   * <p>A step that neither says when the next one is due nor cancels is followed by another after
   * {@code patienceNanos}; one that throws, after {@link #AGAIN_NANOS} or {@code patienceNanos},
   * whichever is less. So a chain ends by {@link Chain#cancel} only. Once made, it goes on without
   * allocating.
   *
   * @param name for the log and for people: a few words
   * @param patienceNanos for chains whose steps await an answer that makes the next step due: more
   *     than any answer takes
   */
  Chain chain(String name, long patienceNanos, Runnable step);

  /** Runs the task after each period, whatever it throws, until the chain is cancelled. */
  default Chain every(String name, long periodNanos, Runnable task) {
    Chain chain = chain(name, periodNanos, task);
    chain.in(periodNanos);
    return chain;
  }

  /** Monotonic nanos; only differences mean anything. */
  long now();

  /** A task still to come. */
  interface Timer {
    /** The task does not run any more, unless it already runs. Idempotent. */
    void cancel();
  }

  /** A task that runs again and again. Idle after {@link #cancel}, until {@link #in}. */
  interface Chain extends Timer {
    /** Makes the next step due in {@code delayNanos}, in place of what was due. */
    void in(long delayNanos);
  }
}
