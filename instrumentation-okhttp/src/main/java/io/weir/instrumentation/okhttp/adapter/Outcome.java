package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.call.CallDecision;
import io.weir.engine.call.CallOutcome;
import io.weir.engine.gate.Engine;
import io.weir.engine.instances.Instance;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import okhttp3.Call;
import org.jspecify.annotations.Nullable;

/**
 * One call on its way, and what became of it, told to its ticket once.
 *
 * <p>An answer is not the end: its body may fail while it is read, and then the call has failed. So
 * an answer counts when its body has been read to the end, was closed, or failed. A caller that
 * does none of these (a leak, or an event stream) must not keep the outcome for ever: after {@value
 * #PATIENCE_NANOS} ns without a read it counts by its status. Time counts up to the answer's
 * headers: a caller that reads slowly does not make its target slow. Where nobody goes by the time
 * ({@link CallOutcome#isTimed}) the clock is not read when they come, and patience begins when
 * somebody looks for the first time.
 *
 * <p><b>Which body.</b> While the thread runs the call's interceptors the outcome is bound to it
 * ({@link Bound}), and every body that OkHttp opens on the network meanwhile is watched and
 * numbered ({@link #opened}): those of redirects and of retries, and in the end the answer's. Only
 * the last one counts, and only once the answer is there; what an interceptor reads of it, or of
 * those before, is its own affair. So the application gets OkHttp's own answer, untouched.
 *
 * <p>Holds neither body nor connection, so that OkHttp still finds leaked ones. Reading is one
 * thread's at a time; telling may race. A read costs no clock and no fence: it only marks itself,
 * and whoever sweeps reads the marks and his own clock. A body that another thread ends in the very
 * moment the answer comes may be missed for want of a fence; then it is found by patience.
 */
final class Outcome {
  static final long PATIENCE_NANOS = 1_000_000_000;

  private static final AtomicIntegerFieldUpdater<Outcome> READS =
      AtomicIntegerFieldUpdater.newUpdater(Outcome.class, "reads");

  private final Engine engine;
  private final CallDecision ticket;

  /** Where the call goes instead; null once its interceptors have run. */
  private @Nullable Aim aim;

  /** Let go once the outcome is told: it has the request, which may have a large body. */
  private @Nullable Call call;

  private final long began;
  private int status;

  /** The answer is a refusal of the target's own Weir. */
  private boolean shed;

  private boolean answered;

  /** When the answer was there; of a call that nobody times when it began. */
  private long answeredAt;

  private final boolean timed;

  /** Number of the body that was opened last; 0: none was. */
  private int last;

  /** The last body had ended before the answer was there. */
  private boolean early;

  /** Grows as a read begins and as it ends: odd while one is under way. */
  private volatile int reads;

  /** What a sweep found last, and when it first did; -1: none has looked. */
  private int seen = -1;

  private long touched;

  /**
   * @param call null where OkHttp does not tell
   * @param began when the call's own time began to run
   */
  Outcome(Engine engine, CallDecision ticket, @Nullable Call call, long began) {
    this.engine = engine;
    this.ticket = ticket;
    this.call = call;
    this.began = began;
    timed = ticket.outcome().isTimed();
  }

  /**
   * Nobody but the counters is interested: no breaker, no instance, no limit on calls under way.
   */
  boolean isOnlyCounted() {
    return ticket.outcome().isOnlyCounted();
  }

  /**
   * @param aim while the call's interceptors run; null afterwards
   */
  void aim(@Nullable Aim aim) {
    this.aim = aim;
  }

  @Nullable Aim aim() {
    return aim;
  }

  /** The instance that was chosen for the call, or null. */
  @Nullable Instance instance() {
    return ticket.instance();
  }

  /** A body is about to be read for this call. Returns its number. */
  int opened() {
    early = false;
    return ++last;
  }

  /** Whether the answer's body is watched where it comes from. */
  boolean isWatched() {
    return last > 0;
  }

  /**
   * Status and headers are there.
   *
   * @return whether there is nothing more to come
   */
  boolean answered(int status) {
    this.status = status;
    if (timed) {
      answeredAt = engine.now();
      seen = reads;
      touched = answeredAt;
    } else {
      answeredAt = ticket.startNanos();
    }
    answered = true;
    return early;
  }

  /** The answer is a refusal of the target's own Weir: shed load, and no failure. */
  void shed() {
    shed = true;
  }

  /** The body of this number was read to its end, or nobody wants the rest. */
  void ended(int body) {
    if (body == last) {
      if (answered) {
        bodyEnded(engine.now());
      } else {
        early = true;
      }
    }
  }

  /**
   * Reading the body of this number failed.
   *
   * @param late for the routing rule's deadline
   */
  void failed(int body, Throwable thrown, boolean late) {
    if (body == last) {
      if (answered) {
        failed(thrown, late);
      } else {
        early = true;
      }
    }
  }

  /** When {@link #answered} was told, nano clock, or the call's begin if nobody times it. */
  long answeredAt() {
    return answeredAt;
  }

  void reads() {
    READS.lazySet(this, reads + 1);
  }

  void hasRead() {
    READS.lazySet(this, reads + 1);
  }

  boolean isTold() {
    return ticket.outcome().hasEnded();
  }

  /** {@link #answered}, and there is nothing to wait for. */
  void endedAtOnce() {
    bodyEnded(timed ? answeredAt : engine.now());
  }

  /** The body was read to its end, or nobody wants the rest. */
  private void bodyEnded(long now) {
    if (!isTold()) {
      try {
        if (shed) {
          ticket.outcome().endShed(io.weir.engine.outcome.Outcome.http(status), now);
        } else {
          ticket.outcome().endHttp(status, timed ? answeredAt : now, now);
        }
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
    if (!isTold()) {
      try {
        long now = engine.now();
        long limit = Calls.timeoutNanos(call);
        // OkHttp started its clock a moment before us
        boolean overdue = late || limit > 0 && now - began >= limit - limit / 10;
        ticket
            .outcome()
            .endFailure(Failures.of(thrown, Calls.canceled(call), overdue), thrown, now);
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
    if (isTold()) {
      return true;
    }
    long now = engine.now();
    int r = reads;
    if (r != seen) {
      seen = r;
      touched = now;
    } else if ((r & 1) == 0 && now - touched > PATIENCE_NANOS) {
      bodyEnded(now);
    }
    return isTold();
  }
}
