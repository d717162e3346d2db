package io.weir.engine.ledger;

import io.weir.engine.call.CallDecision;
import io.weir.engine.call.CallOutcome;
import io.weir.engine.call.Refusal;
import io.weir.engine.instances.Instance;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.Rule;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * What one call has taken on its way through the engine (permits, tokens, slots), and who gets its
 * outcome.
 *
 * <p>For the engine only. The adapter that makes the call sees the same object as {@link
 * CallDecision} and {@link CallOutcome}. It is one object so that a call costs one allocation, or
 * none if the adapter uses it again ({@link #begin} resets it).
 *
 * <p>It belongs to one thread until the decision is made. Any thread may end it, and ends may race:
 * the first wins, later ones do nothing.
 */
public final class CallLedger implements CallDecision, CallOutcome {
  private static final AtomicIntegerFieldUpdater<CallLedger> ENDED =
      AtomicIntegerFieldUpdater.newUpdater(CallLedger.class, "ended");

  /** Receives the outcome of an admitted call. Implemented by circuit breakers and statistics. */
  public interface Recorder {
    /**
     * @param outcome an {@link Outcome}
     * @param thrown what was thrown, or null
     * @param now nano clock
     */
    void record(CallLedger ledger, int outcome, @Nullable Throwable thrown, long now);

    /**
     * The call was admitted by this recorder but never made, because a later engine refused it or
     * it was abandoned. Takes back what the recorder gave.
     */
    void abandon(CallLedger ledger, long now);

    /** Whether this recorder uses the duration of the call. */
    default boolean needsDuration() {
      return true;
    }

    /** State of the breaker this call passed, as a constant of {@link CallTags}; for metrics. */
    default int circuit() {
      return CallTags.NO_CIRCUIT;
    }
  }

  /** The source of tokens that were taken for this call. Implemented by token buckets. */
  public interface Reservation {
    void giveBack(int cost, long now);
  }

  /** A slot among the calls in flight. Implemented by concurrency limits. */
  public interface Slot {
    /**
     * The call has ended, or was never made: the slot is free again.
     *
     * @param outcome an {@link Outcome}; {@link Outcome#NONE}: the call was never made, or its
     *     duration tells nothing
     * @param startNanos when the call began, nano clock
     */
    void free(int outcome, long startNanos, long now);
  }

  /** Receives the durations of the calls that limits admitted. Implemented by rate limits. */
  public interface Timer {
    /**
     * @param which the rules, as {@link #timed} got them
     * @param nanos how long the call took; of a stream, until its answer began
     * @param failed whether it ended in an error
     */
    void took(int which, long nanos, boolean failed);
  }

  private volatile int ended;

  // decision
  private @Nullable Refusal refusal;
  private long retryAfterNanos;
  private int concurrencyLimit;
  private long waitNanos;
  private @Nullable Instance instance;
  private @Nullable String arm;
  private long timeoutNanos;
  private String[] headers = NO_HEADERS;

  // what gets the outcome, or is given back
  private long startNanos;
  private @Nullable Recorder breaker;
  private long breakerPermit;
  // the first has fields of its own, so that the usual single rule needs no arrays
  private @Nullable Reservation firstReservation;
  private int firstReservationCost;
  private Reservation @Nullable [] more;
  private int @Nullable [] moreCosts;
  private int moreCount;
  private @Nullable Slot firstSlot;
  private Slot @Nullable [] moreSlots;
  private int moreSlotCount;
  private @Nullable Recorder gate;

  // set only while durations are measured
  private @Nullable LatencyRecorder latency;
  private int tags;
  private @Nullable Timer timer;
  private int timed;

  /** Whether the answer is a stream that began at {@link #answeredAt}. */
  private volatile boolean streams;

  private long answeredAt;

  /** Whether the duration of the call tells nothing. */
  private boolean durationUnknown;

  private boolean healthCheck;
  private boolean management;
  private boolean infrastructure;

  private @Nullable String id;

  private static final String[] NO_HEADERS = new String[0];

  /**
   * Resets the ledger for a new call.
   *
   * @param now nano clock; the start of the call
   * @param gate gets the outcome of the call, after all others; null: there is no such recorder
   */
  public void begin(long now, @Nullable Recorder gate) {
    this.gate = gate;
    startNanos = now;
    refusal = null;
    retryAfterNanos = 0;
    waitNanos = 0;
    instance = null;
    arm = null;
    timeoutNanos = 0;
    headers = NO_HEADERS;
    breaker = null;
    breakerPermit = 0;
    latency = null;
    timer = null;
    id = null;
    healthCheck = false;
    management = false;
    infrastructure = false;
    durationUnknown = false;
    streams = false;
    firstReservation = null;
    moreCount = 0;
    firstSlot = null;
    moreSlotCount = 0;
    // no fence: whatever hands a ledger to another thread has one
    ENDED.lazySet(this, 0);
  }

  /**
   * For all engines: refuses the call. Always returns false, so that an engine can {@code return
   * ledger.refuse(...)}.
   */
  public boolean refuse(Refusal refusal, long retryAfterNanos) {
    this.refusal = refusal;
    this.retryAfterNanos = retryAfterNanos;
    return false;
  }

  /**
   * For concurrency limits: refuses the call because {@code limit} calls are in flight. Always
   * returns false.
   */
  public boolean refuseFull(Refusal refusal, int limit) {
    this.concurrencyLimit = limit;
    return refuse(refusal, 0);
  }

  /**
   * For limits: the call has to wait at least so many nanos (pacing). The longest wait of all rules
   * counts.
   */
  public void waitAtLeast(long nanos) {
    if (nanos > waitNanos) {
      waitNanos = nanos;
    }
  }

  /** For limits: records tokens taken, so that they can be given back. */
  public void took(Reservation from, int cost) {
    if (firstReservation == null) {
      firstReservation = from;
      firstReservationCost = cost;
      return;
    }
    if (more == null || moreCosts == null) {
      more = new Reservation[3];
      moreCosts = new int[3];
    } else if (moreCount == more.length) {
      more = Arrays.copyOf(more, moreCount * 2);
      moreCosts = Arrays.copyOf(moreCosts, moreCount * 2);
    }
    more[moreCount] = from;
    moreCosts[moreCount++] = cost;
  }

  /** For limits: the call holds a slot until it ends. */
  public void holds(Slot in) {
    if (firstSlot == null) {
      firstSlot = in;
      return;
    }
    if (moreSlots == null) {
      moreSlots = new Slot[3];
    } else if (moreSlotCount == moreSlots.length) {
      moreSlots = Arrays.copyOf(moreSlots, moreSlotCount * 2);
    }
    moreSlots[moreSlotCount++] = in;
  }

  /**
   * For limits: frees the slot taken last. The call goes on without it. Only while a slot is held.
   */
  @SuppressWarnings("NullAway") // while a slot is held; a count means there is an array
  public void letGo(long now) {
    Slot last = firstSlot;
    if (moreSlotCount > 0) {
      last = moreSlots[--moreSlotCount];
      moreSlots[moreSlotCount] = null;
    } else {
      firstSlot = null;
    }
    last.free(Outcome.NONE, startNanos, now);
  }

  /** Whether a concurrency limit counts this call as in flight. */
  public boolean holdsSlot() {
    return firstSlot != null;
  }

  @SuppressWarnings("NullAway") // while a slot is held; a count means there is an array
  private void freeSlots(int outcome, long now) {
    while (moreSlotCount > 0) {
      moreSlots[--moreSlotCount].free(outcome, startNanos, now);
      moreSlots[moreSlotCount] = null;
    }
    Slot s = firstSlot;
    firstSlot = null;
    s.free(outcome, startNanos, now);
  }

  /**
   * Gives back all tokens and slots of this call: a later engine refused it, or its wait was
   * cancelled or interrupted.
   */
  public void giveBackTokens(long now) {
    if (firstReservation != null || firstSlot != null) { // most refused calls hold nothing
      giveBackAll(now);
    }
    waitNanos = 0;
  }

  @SuppressWarnings("NullAway") // a count means there are arrays
  private void giveBackAll(long now) {
    if (firstSlot != null) {
      freeSlots(Outcome.NONE, now);
    }
    while (moreCount > 0) {
      more[--moreCount].giveBack(moreCosts[moreCount], now);
      more[moreCount] = null;
    }
    if (firstReservation != null) {
      firstReservation.giveBack(firstReservationCost, now);
      firstReservation = null;
    }
  }

  /**
   * For circuit breakers: the call holds a permit. What {@code permit} means is up to the breaker.
   */
  public void permit(Recorder breaker, long permit) {
    this.breaker = breaker;
    this.breakerPermit = permit;
  }

  /**
   * For routers: sets the instance to call and the arm that chose it ({@link CallDecision#arm});
   * either may be null.
   */
  public void routed(@Nullable Instance instance, @Nullable String arm) {
    this.instance = instance;
    this.arm = arm;
  }

  /**
   * For routers: as {@link #routed(Instance, String)}, with what the matching route sets on the
   * call.
   *
   * @param timeoutNanos deadline from the start of the call, 0 for none
   * @param headers name, value, name, value ... to set on the call; must not change any more
   */
  public void routed(
      @Nullable Instance instance, @Nullable String arm, long timeoutNanos, String[] headers) {
    this.instance = instance;
    this.arm = arm;
    this.timeoutNanos = timeoutNanos;
    this.headers = headers;
  }

  /** The circuit breaker whose permit the call holds, or null. */
  public @Nullable Recorder breaker() {
    return breaker;
  }

  /** See {@link #permit}. */
  public long breakerPermit() {
    return breakerPermit;
  }

  /** For the gate: sets the id of the decision, which the caller gets. */
  public void named(String id) {
    this.id = id;
  }

  /**
   * For the gate: the duration of the call is recorded in {@code latency}.
   *
   * @param tags the {@link CallTags} of the call so far
   */
  public void measured(LatencyRecorder latency, int tags) {
    this.latency = latency;
    this.tags = tags;
  }

  /** For limits: these rules need the duration of the call, if durations are measured. */
  public void timed(Timer by, int which) {
    timer = by;
    timed = which;
  }

  /** For the gate: the call is a health check, so only rules that include health checks apply. */
  public void healthCheck() {
    healthCheck = true;
  }

  /**
   * Whether the call may be exempt from some rule. Few calls are; for them see {@link #isExempt}.
   */
  public boolean mayBeExempt() {
    return healthCheck | management | infrastructure;
  }

  /** For the gate: the call came to a management port, so only rules that include those apply. */
  public void management() {
    management = true;
  }

  /** Gate: the call is an exporter's or a registry client's, which no default rule is about. */
  public void infrastructure() {
    infrastructure = true;
  }

  /**
   * Whether a rule does not apply to this call, even if it matches.
   *
   * @param includeManagement whether the rule includes calls to management ports
   */
  public boolean isExempt(Rule rule, boolean includeManagement) {
    return healthCheck && !rule.includeHealth
        || management && !includeManagement
        || infrastructure && rule.isDefault();
  }

  // ---- CallDecision

  @Override
  public @Nullable Refusal refusal() {
    return refusal;
  }

  @Override
  public long retryAfterNanos() {
    return retryAfterNanos;
  }

  @Override
  public int concurrencyLimit() {
    return concurrencyLimit;
  }

  @Override
  public long waitNanos() {
    return waitNanos;
  }

  @Override
  public @Nullable Instance instance() {
    return instance;
  }

  @Override
  public @Nullable String arm() {
    return arm;
  }

  @Override
  public String[] headers() {
    return headers;
  }

  @Override
  public long timeoutNanos() {
    return timeoutNanos;
  }

  @Override
  public long startNanos() {
    return startNanos;
  }

  @Override
  public @Nullable String id() {
    return id;
  }

  @Override
  public CallOutcome outcome() {
    return this;
  }

  // ---- CallOutcome

  @Override
  public void started(long now) {
    startNanos = now;
  }

  @Override
  public boolean isTimed() {
    return latency != null || firstSlot != null || breaker != null && breaker.needsDuration();
  }

  @Override
  public boolean isOnlyCounted() {
    return breaker == null && instance == null && firstSlot == null;
  }

  @Override
  public void streams(boolean failed, long now) {
    if (streams || ended != 0) {
      return;
    }
    answeredAt = now;
    streams = true;
    if (timer != null && latency != null) {
      timer.took(timed, now - startNanos, failed);
    }
  }

  @Override
  public void end(int outcome, @Nullable Throwable thrown, long now) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      publish(outcome, thrown, now);
    }
  }

  @Override
  public void endHttp(int status, long answeredAt, long now) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      // so that now - startNanos is the duration until the answer
      startNanos += now - answeredAt;
      publish(Outcome.http(status), null, now);
    }
  }

  @Override
  public void endHttpStream(int status, long now) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      durationUnknown = !streams;
      publish(Outcome.http(status), null, now);
    }
  }

  @Override
  public void abandon(long now) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      giveBackTokens(now);
      Recorder b = breaker;
      if (b != null) {
        b.abandon(this, now);
      }
      if (gate != null) {
        gate.abandon(this, now);
      }
    }
  }

  @Override
  public boolean hasEnded() {
    return ended != 0;
  }

  /** Reports the end of the call to slots, metrics, timer, breaker and gate, in this order. */
  private void publish(int outcome, @Nullable Throwable thrown, long now) {
    long took = now - startNanos;
    if (streams) {
      // rules compute the duration from the start: move that, so that it ends where the answer
      // began
      startNanos += now - answeredAt;
    }
    if (firstSlot != null) {
      // first, so that the slot is free even if something below throws
      freeSlots(durationUnknown ? Outcome.NONE : outcome, now);
    }
    if (latency != null) {
      int ended = CallTags.ended(tags, outcome);
      latency.record(ended, took);
      // As adaptive limits count it: a cancelled call tells nothing about its duration. But a gRPC
      // call whose deadline passed also ends as cancelled, and that tells something.
      boolean tells =
          Outcome.failure(outcome) != Failure.CANCELLED
              || Outcome.protocol(outcome) == Outcome.GRPC;
      if (timer != null && !streams && !durationUnknown && tells) {
        timer.took(timed, took, CallTags.failed(ended));
      }
    }
    Recorder b = breaker;
    if (b != null) {
      b.record(this, outcome, thrown, now);
    }
    if (gate != null) {
      gate.record(this, outcome, thrown, now);
    }
  }
}
