package io.weir.instrumentation.api.client;

import io.weir.engine.call.CallDecision;
import io.weir.engine.call.CallOutcome;
import io.weir.engine.outcome.Outcome;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * How an answer's body ends, and with it the call.
 *
 * <p>An answer is not the end: its body may fail while it is read, and then the call has failed. So
 * an answer counts when its body has been read to the end, was closed, or failed. A caller that
 * does none of these (a leak, or an event stream) must not keep the outcome for ever: after {@value
 * #PATIENCE_NANOS} ns without a read it counts by its status. Time counts up to the answer's
 * headers: a caller that reads slowly does not make its target slow. Where nobody goes by the time
 * the clock is not read when they come, and patience begins when somebody looks for the first time.
 *
 * <p><b>Which body.</b> A library may open more than one for a call: those of redirects and of
 * retries, and in the end the answer's. Each is numbered as it is opened ({@link #opened}). Only
 * the last one counts, and only once the answer is there; what is read of it, or of those before,
 * by the library or by something of the application within it, is its own affair.
 *
 * <p>Holds neither body nor connection, so that a library still finds leaked ones. Reading is one
 * thread's at a time; telling may race, and the first wins. A read costs no clock and no fence: it
 * only marks itself, and whoever sweeps reads the marks and his own clock. A body that another
 * thread ends in the very moment the answer comes may be missed for want of a fence; then it is
 * found by patience.
 */
public abstract class BodyTracker {
  /** How long an open body that nobody reads is waited for. */
  public static final long PATIENCE_NANOS = 1_000_000_000;

  private static final AtomicIntegerFieldUpdater<BodyTracker> READS =
      AtomicIntegerFieldUpdater.newUpdater(BodyTracker.class, "reads");

  final CallDecision decision;
  final CallOutcome outcome;
  private int status;

  /** The answer is a refusal of the target's own Weir. */
  private boolean shed;

  private boolean answered;

  /** When the answer was there; of a call that nobody times when it began. */
  private long answeredAt;

  private boolean timed;

  /** Number of the body that was opened last; 0: none was. */
  private int last;

  /** The last body had ended before the answer was there. */
  private boolean early;

  /** Grows as a read begins and as it ends: odd while one is under way. */
  private volatile int reads;

  /** What a sweep found last, and when it first did; -1: none has looked. */
  private int seen = -1;

  private long touched;

  BodyTracker(CallDecision decision) {
    this.decision = decision;
    outcome = decision.outcome();
  }

  /** The clock calls are measured by. */
  abstract long clock();

  /** The call, or its answer's body, has failed. */
  abstract @Nullable IOException failedBy(Throwable thrown);

  /** A deadline has not to be kept any more. */
  abstract void stopDeadline();

  /** The outcome is about to be told, or was: lets go of what the call needed. */
  abstract void letGo();

  /** The decision was made. */
  void decided() {
    timed = outcome.isTimed();
  }

  /**
   * Nobody but the counters is interested: no breaker, no instance, no limit on calls under way. It
   * is not worth watching a body for.
   */
  public final boolean isOnlyCounted() {
    return outcome.isOnlyCounted();
  }

  /** A body is about to be read for this call. Returns its number. */
  public final int opened() {
    early = false;
    return ++last;
  }

  /** Whether some body of this call is watched. */
  public final boolean isWatched() {
    return last > 0;
  }

  /**
   * Status and headers are there.
   *
   * @return whether there is nothing more to come
   */
  final boolean hasAnswer(int status, boolean shed) {
    this.status = status;
    this.shed = shed;
    if (timed) {
      answeredAt = clock();
      seen = reads;
      touched = answeredAt;
    } else {
      answeredAt = decision.startNanos();
    }
    answered = true;
    return early;
  }

  /** The body of this number was read to its end, or nobody wants the rest. */
  public final void ended(int body) {
    if (body == last) {
      if (answered) {
        stopDeadline();
        bodyEnded(clock());
      } else {
        early = true;
      }
    }
  }

  /**
   * Reading the body of this number failed.
   *
   * @return what its reader is to be told
   */
  public final IOException failed(int body, IOException thrown) {
    if (body == last) {
      if (answered) {
        IOException late = failedBy(thrown);
        return late == null ? thrown : late;
      }
      early = true;
    }
    return thrown;
  }

  /** When the answer was there, nano clock, or the call's begin if nobody times it. */
  final long answeredAt() {
    return answeredAt;
  }

  /** A read of the body begins. */
  public final void reads() {
    READS.lazySet(this, reads + 1);
  }

  /** The read has ended. */
  public final void hasRead() {
    READS.lazySet(this, reads + 1);
  }

  final boolean isTold() {
    return outcome.hasEnded();
  }

  /** The answer is all there is: nobody waits for its body, or it has none. */
  public final void endedAtOnce() {
    stopDeadline();
    bodyEnded(timed ? answeredAt : clock());
  }

  /** The body was read to its end, or nobody wants the rest. */
  private void bodyEnded(long now) {
    if (!isTold()) {
      try {
        if (shed) {
          outcome.endShed(Outcome.http(status), now);
        } else {
          outcome.endHttp(status, timed ? answeredAt : now, now);
        }
      } catch (Throwable t) {
        ClientGate.failedOpen(t);
      } finally {
        letGo();
      }
    }
  }

  /**
   * Told, or nothing more will come; then it counts by its status. One thread at a time, each
   * seeing what the one before did.
   */
  final boolean isOver() {
    if (isTold()) {
      return true;
    }
    long now = clock();
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
