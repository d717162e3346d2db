package io.weir.control.loop;

/**
 * The control plane's event loop: one thread that runs tasks one after the other, in the order they
 * came in. So state that only the loop touches needs no lock. Tests use an implementation with a
 * virtual clock.
 *
 * <p>Guarantees: {@link #execute}, {@link #schedule} and the methods of {@link Chain} may be called
 * from any thread and never block. A task that throws anything is counted and logged, and the
 * others run on. Tasks that come after the loop was closed are dropped silently.
 *
 * <p>Work that must go on for ever is a {@link #chain} or uses {@link #every}: a task that
 * reschedules itself would end with the first exception before it does so.
 */
public interface Loop {
  /** After this time a chain's step runs again when it threw and had not set the next run. */
  long AGAIN_NANOS = 1_000_000_000L;

  /** Runs the task soon. */
  void execute(Runnable task);

  /** Runs the task not before {@code delayNanos} have passed. */
  Timer schedule(Runnable task, long delayNanos);

  /**
   * Makes a chain: a step that runs repeatedly, each time when {@link Chain#in} set it. The chain
   * is idle until the first call of that.
   *
   * <p>A step that neither sets the next run nor cancels the chain runs again after {@code
   * patienceNanos}. A step that throws runs again after {@link #AGAIN_NANOS} or {@code
   * patienceNanos}, whichever is less. So only {@link Chain#cancel} ends a chain. A chain that
   * exists runs without allocating.
   *
   * @param name a few words, for the log
   * @param patienceNanos longer than any answer takes, for chains whose next run is set by the
   *     answer to a request
   */
  Chain chain(String name, long patienceNanos, Runnable step);

  /** Runs the task after each period, whatever it throws, until the chain is cancelled. */
  default Chain every(String name, long periodNanos, Runnable task) {
    Chain chain = chain(name, periodNanos, task);
    chain.in(periodNanos);
    return chain;
  }

  /** Nanoseconds of a monotonic clock; only differences have a meaning. */
  long now();

  /** A scheduled task. */
  interface Timer {
    /** Prevents the task from running, unless it already runs. Idempotent. */
    void cancel();
  }

  /** A task that runs repeatedly. After {@link #cancel} it is idle until {@link #in}. */
  interface Chain extends Timer {
    /** Sets the next run to {@code delayNanos} from now, in place of an earlier setting. */
    void in(long delayNanos);
  }
}
