package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.call.Ticket;
import io.weir.engine.gate.Engine;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import okhttp3.Call;
import org.jspecify.annotations.Nullable;

/**
 * What became of one call, told to its ticket once: {@code true} when told.
 *
 * <p>An answer is not the end: its body may fail while it is read, and then the call has failed. So
 * an answer counts when its body has been read to the end, was closed, or failed. A caller that
 * does none of these (a leak, or an event stream) must not keep the outcome for ever: after {@value
 * #PATIENCE_NANOS} ns without a read it counts by its status. Time counts up to the answer's
 * headers: a caller that reads slowly does not make its target slow.
 *
 * <p>Holds neither body nor connection, so that OkHttp still finds leaked ones. Reading is one
 * thread's at a time; telling may race. A read costs no clock and no fence: it only marks itself,
 * and whoever sweeps reads the marks and his own clock.
 */
final class Outcome extends AtomicBoolean {
  private static final long serialVersionUID = 1;

  static final long PATIENCE_NANOS = 1_000_000_000;

  private static final AtomicIntegerFieldUpdater<Outcome> READS =
      AtomicIntegerFieldUpdater.newUpdater(Outcome.class, "reads");

  private final transient Engine engine;
  private final transient Ticket ticket;

  /** Let go once the outcome is told: it has the request, which may have a large body. */
  private transient @Nullable Call call;

  private final long began;
  private int status;
  private long answeredAt;

  /** Grows as a read begins and as it ends: odd while one is under way. */
  private volatile int reads;

  /** What a sweep found last, and when it first did. */
  private int seen;

  private long touched;

  /**
   * @param call null where OkHttp does not tell
   * @param began when the call's own time began to run
   */
  Outcome(Engine engine, Ticket ticket, @Nullable Call call, long began) {
    this.engine = engine;
    this.ticket = ticket;
    this.call = call;
    this.began = began;
  }

  /**
   * Nobody but the counters is interested: no breaker, no instance, no limit on calls under way.
   */
  boolean isOnlyCounted() {
    return ticket.breaker() == null && ticket.instance() == null && !ticket.holdsSlot();
  }

  /** Status and headers are there. */
  void answered(int status) {
    this.status = status;
    answeredAt = engine.now();
    touched = answeredAt;
  }

  /** When {@link #answered} was told, nano clock. */
  long answeredAt() {
    return answeredAt;
  }

  void reads() {
    READS.lazySet(this, reads + 1);
  }

  void hasRead() {
    READS.lazySet(this, reads + 1);
  }

  /** The body was read to its end, or nobody wants the rest. */
  void bodyEnded() {
    if (compareAndSet(false, true)) {
      try {
        long now = engine.now();
        ticket.started(ticket.startNanos() + (now - answeredAt));
        ticket.endHttp(status, now);
      } catch (Throwable t) {
        Gate.failedOpen(t);
      } finally {
        call = null;
      }
    }
  }

  /**
   * The call or its body failed.
   *
   * @param late for the routing rule's deadline
   */
  void failed(Throwable thrown, boolean late) {
    if (compareAndSet(false, true)) {
      try {
        long now = engine.now();
        long limit = Calls.timeoutNanos(call);
        // OkHttp started its clock a moment before us
        boolean overdue = late || limit > 0 && now - began >= limit - limit / 10;
        ticket.endFailure(Failures.of(thrown, Calls.canceled(call), overdue), thrown, now);
      } catch (Throwable t) {
        Gate.failedOpen(t);
      } finally {
        call = null;
      }
    }
  }

  /**
   * Told, or nothing more will come; then it counts by its status. One thread at a time, each
   * seeing what the one before did.
   */
  boolean isOver() {
    if (get()) {
      return true;
    }
    long now = engine.now();
    int r = reads;
    if (r != seen) {
      seen = r;
      touched = now;
    } else if ((r & 1) == 0 && now - touched > PATIENCE_NANOS) {
      bodyEnded();
    }
    return get();
  }
}
