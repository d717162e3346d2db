package io.weir.instrumentation.api.client;

import io.weir.engine.call.CallDecision;
import io.weir.engine.call.CallOutcome;
import io.weir.engine.outcome.Outcome;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * Follows the body of a call's answer, and ends the call when the body ends.
 *
 * <p>Status and headers are not the end of a call: its body may fail while it is read, and then the
 * call has failed. So a call ends when the body of its answer was read to the end, was closed, or
 * failed. If the application does none of these (a leak, or an event stream), the call ends by its
 * status after {@value #PATIENCE_NANOS} ns without a read. Its duration counts up to the headers of
 * the answer: an application that reads slowly does not make its target slow. Where no rule needs
 * the duration, the clock is not read when the headers come, and the time without a read counts
 * from the first look of {@link #isOver}.
 *
 * <p><b>Which body.</b> A library may open more than one for a call: those of redirects and of
 * retries, and in the end the answer's. Each gets a number as it is opened ({@link #opened}). Only
 * the last one counts, and only once the answer is there. Earlier ones are read by the library, or
 * by an interceptor of the application within it.
 *
 * <p>This holds neither body nor connection, so that a library still finds leaked ones.
 *
 * <p><b>Threads.</b> One thread at a time reads the body; ends may race, and the first wins. A read
 * costs no clock and no memory fence: it only marks itself, and {@link #isOver} compares the marks.
 * Without a fence, the end of a body may be missed that comes on another thread at the same moment
 * as the headers; then the call ends by the time without a read.
 */
public abstract class BodyTracker {
  /** After so long without a read of its open body, a call ends by its status. */
  public static final long PATIENCE_NANOS = 1_000_000_000;

  private static final AtomicIntegerFieldUpdater<BodyTracker> READS =
      AtomicIntegerFieldUpdater.newUpdater(BodyTracker.class, "reads");

  final CallDecision decision;
  final CallOutcome outcome;
  private int status;

  /** The answer is a refusal of the target's own Weir. */
  private boolean shed;

  private boolean answered;

  /** When the headers of the answer came; when the call began, if its duration is not needed. */
  private long answeredAt;

  private boolean timed;

  /** Number of the body that was opened last; 0: none was. */
  private int last;

  /** The last body had ended before the answer was there. */
  private boolean early;

  /** Grows when a read begins and when it ends: odd while one is under way. */
  private volatile int reads;

  /** The value of {@link #reads} at the last look of {@link #isOver}; -1: there was none. */
  private int seen = -1;

  /** When {@link #seen} was first found. */
  private long touched;

  BodyTracker(CallDecision decision) {
    this.decision = decision;
    outcome = decision.outcome();
  }

  /** The clock calls are measured by. */
  abstract long clock();

  /** The call, or its answer's body, has failed. */
  abstract @Nullable IOException failedBy(Throwable thrown);

  /** The call has ended: its deadline is not needed any more. */
  abstract void stopDeadline();

  /** The outcome is recorded: drops the references to what the call needed. */
  abstract void letGo();

  /** The decision was made. */
  void decided() {
    timed = outcome.isTimed();
  }

  /**
   * Whether only counters use the outcome: no breaker, no instance, no limit on calls in flight.
   * Then the body is not watched.
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
   * @return whether the last body has ended already
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

  /** The body with this number was read to its end or closed. */
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
   * Reading the body with this number failed.
   *
   * @return what to throw to its reader
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

  /** See {@link #answeredAt}; nano clock. */
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

  final boolean hasEnded() {
    return outcome.hasEnded();
  }

  /** The call ends with the headers of its answer: it has no body, or its end does not matter. */
  public final void endedAtOnce() {
    stopDeadline();
    bodyEnded(timed ? answeredAt : clock());
  }

  /** Records the outcome: the status of the answer. */
  private void bodyEnded(long now) {
    if (!hasEnded()) {
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
   * Whether the call has ended. Ends it if its body was not read for {@link #PATIENCE_NANOS}. One
   * thread at a time, each of which sees what the one before did.
   */
  final boolean isOver() {
    if (hasEnded()) {
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
    return hasEnded();
  }
}
