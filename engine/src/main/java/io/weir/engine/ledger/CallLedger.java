package io.weir.engine.ledger;

import io.weir.engine.call.CallDecision;
import io.weir.engine.call.CallOutcome;
import io.weir.engine.call.Refusal;
import io.weir.engine.instances.Instance;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * What one call has taken on its way through the engine, and who must be told its end or gets
 * something back: permits, tokens, places, timers.
 *
 * <p>For the engine only. Whoever makes the call sees the same object as {@link CallDecision} and
 * {@link CallOutcome}: one object, so that a call costs one allocation, or none where the adapter
 * uses it again ({@link #begin} resets).
 *
 * <p>Confined to one thread until the decision is made; ending is one-shot and may race from any
 * thread: the first wins, later ends do nothing.
 */
public final class CallLedger implements CallDecision, CallOutcome {
  private static final AtomicIntegerFieldUpdater<CallLedger> ENDED =
      AtomicIntegerFieldUpdater.newUpdater(CallLedger.class, "ended");

  /** Takes the outcome of an admitted call; implemented by breaker and statistics. */
  public interface Recorder {
    /**
     * @param outcome an {@link Outcome}
     * @param thrown what was thrown, or null
     * @param now nano clock
     */
    void record(CallLedger ledger, int outcome, @Nullable Throwable thrown, long now);

    /**
     * The call was admitted by this recorder but never made (a later engine refused): give the
     * permit back.
     */
    void abandon(CallLedger ledger, long now);

    /** Whether it goes by how long the call takes. */
    default boolean needsDuration() {
      return true;
    }

    /** State of the breaker this call passed: one of {@link CallTags}'s; for those who measure. */
    default int circuit() {
      return CallTags.NO_CIRCUIT;
    }
  }

  /** Tokens taken for this call; implemented by the limiter's buckets. */
  public interface Reservation {
    void giveBack(int cost, long now);
  }

  /** A place among the calls under way; implemented by concurrency limits. */
  public interface Slot {
    /**
     * The call has ended, or was never made: the place is free again.
     *
     * @param outcome an {@link Outcome}; {@link Outcome#NONE}: it was never made, or the time it
     *     took tells nothing
     * @param startNanos when the call began, nano clock
     */
    void free(int outcome, long startNanos, long now);
  }

  /** Rules that want to know how long the calls took that they let in; implemented by limits. */
  public interface Timer {
    /**
     * @param which the rules, as {@link #timed} was told them
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

  // what must be told the outcome or given back
  private long startNanos;
  private @Nullable Recorder breaker;
  private long breakerPermit;
  // the first stands apart, so that the usual single rule needs no arrays
  private @Nullable Reservation first;
  private int firstCost;
  private Reservation @Nullable [] more;
  private int @Nullable [] moreCosts;
  private int moreCount;
  private @Nullable Slot slot;
  private Slot @Nullable [] moreSlots;
  private int moreSlotCount;
  private @Nullable Recorder gate;

  // measured only while somebody reads it
  private @Nullable LatencyRecorder latency;
  private int kind;
  private @Nullable Timer timer;
  private int timed;

  /** The answer began at {@link #answeredAt}, and the call goes on. */
  private volatile boolean streams;

  private long answeredAt;

  /** How long the call takes tells nothing. */
  private boolean untold;

  private boolean healthCheck;
  private boolean management;

  private @Nullable String id;

  private static final String[] NO_HEADERS = new String[0];

  /** Resets for a new call. */
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
    untold = false;
    streams = false;
    first = null;
    moreCount = 0;
    slot = null;
    moreSlotCount = 0;
    // no fence: a ledger is handed to another thread only by means that have one of their own
    ENDED.lazySet(this, 0);
  }

  /**
   * Engines: this call is refused. Returns false, so that an engine can {@code return
   * ledger.refuse(...)}.
   */
  public boolean refuse(Refusal refusal, long retryAfterNanos) {
    this.refusal = refusal;
    this.retryAfterNanos = retryAfterNanos;
    return false;
  }

  /**
   * Limiter: this call is refused, for as many as {@code limit} are under way and no more may be.
   * Returns false.
   */
  public boolean refuseFull(Refusal refusal, int limit) {
    this.concurrencyLimit = limit;
    return refuse(refusal, 0);
  }

  /**
   * Limiter: the call may go on after this many nanos (pacing); the longest of all rules counts.
   */
  public void waitAtLeast(long nanos) {
    if (nanos > waitNanos) {
      waitNanos = nanos;
    }
  }

  /** Limiter: remembers tokens taken, so that they can be given back. */
  public void took(Reservation from, int cost) {
    if (first == null) {
      first = from;
      firstCost = cost;
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

  /** Limiter: the call holds a place among those under way until it ends. */
  public void holds(Slot in) {
    if (slot == null) {
      slot = in;
      return;
    }
    if (moreSlots == null) {
      moreSlots = new Slot[3];
    } else if (moreSlotCount == moreSlots.length) {
      moreSlots = Arrays.copyOf(moreSlots, moreSlotCount * 2);
    }
    moreSlots[moreSlotCount++] = in;
  }

  /** Limiter: the place held last is given up, the call goes on without it. */
  @SuppressWarnings("NullAway") // asked while one is held; there is an array while there is a count
  public void letGo(long now) {
    Slot last = slot;
    if (moreSlotCount > 0) {
      last = moreSlots[--moreSlotCount];
      moreSlots[moreSlotCount] = null;
    } else {
      slot = null;
    }
    last.free(Outcome.NONE, startNanos, now);
  }

  /** Whether somebody counts this call as under way until it ends. */
  public boolean holdsSlot() {
    return slot != null;
  }

  @SuppressWarnings("NullAway") // asked while one is held; there is an array while there is a count
  private void freeSlots(int outcome, long now) {
    while (moreSlotCount > 0) {
      moreSlots[--moreSlotCount].free(outcome, startNanos, now);
      moreSlots[moreSlotCount] = null;
    }
    Slot s = slot;
    slot = null;
    s.free(outcome, startNanos, now);
  }

  /**
   * Gives all tokens and places of this call back (a later engine refused, or the waiter was
   * cancelled or interrupted).
   */
  public void giveBackTokens(long now) {
    if (first != null || slot != null) { // not so for most of what is refused
      giveBackAll(now);
    }
    waitNanos = 0;
  }

  @SuppressWarnings("NullAway") // there are arrays while there is a count
  private void giveBackAll(long now) {
    if (slot != null) {
      freeSlots(Outcome.NONE, now);
    }
    while (moreCount > 0) {
      more[--moreCount].giveBack(moreCosts[moreCount], now);
      more[moreCount] = null;
    }
    if (first != null) {
      first.giveBack(firstCost, now);
      first = null;
    }
  }

  /** Breaker: this call holds a permit; {@code permit} is the breaker's own word (generation). */
  public void permit(Recorder breaker, long permit) {
    this.breaker = breaker;
    this.breakerPermit = permit;
  }

  /**
   * Router: the instance to call, and the arm it belongs to (for statistics), either may be null.
   */
  public void routed(@Nullable Instance instance, @Nullable String arm) {
    this.instance = instance;
    this.arm = arm;
  }

  /**
   * Router: as {@link #routed(Instance, String)}, with what the row that decided asks for.
   *
   * @param timeoutNanos deadline from the call's start, 0 for none
   * @param headers name, value, name, value ... to set on the call; must not change any more
   */
  public void routed(
      @Nullable Instance instance, @Nullable String arm, long timeoutNanos, String[] headers) {
    this.instance = instance;
    this.arm = arm;
    this.timeoutNanos = timeoutNanos;
    this.headers = headers;
  }

  /** Who holds the permit of this call, or null. */
  public @Nullable Recorder breaker() {
    return breaker;
  }

  /** See {@link #permit}. */
  public long breakerPermit() {
    return breakerPermit;
  }

  /** Gate: the caller is told that this is the decision's id. */
  public void named(String id) {
    this.id = id;
  }

  /** Gate: the time this call takes is counted in {@code latency} as of {@code kind}. */
  public void measured(LatencyRecorder latency, int kind) {
    this.latency = latency;
    this.kind = kind;
  }

  /** Limiter: these of its rules want to know how long the call takes, where that is measured. */
  public void timed(Timer by, int which) {
    timer = by;
    timed = which;
  }

  /** Gate: the call is a health check, which only rules that include these are about. */
  public void healthCheck() {
    healthCheck = true;
  }

  /** Whether there are rules that this call is exempt from: few calls are. */
  public boolean mayBeExempt() {
    return healthCheck | management;
  }

  /** Gate: the call came to a management port, which only rules that include these are about. */
  public void management() {
    management = true;
  }

  /**
   * Whether a rule leaves this call alone, whatever it matches.
   *
   * @param includeHealth whether the rule is about health checks, too
   * @param includeManagement whether it is about calls to management ports, too
   */
  public boolean isExempt(boolean includeHealth, boolean includeManagement) {
    return healthCheck && !includeHealth || management && !includeManagement;
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
    return latency != null || slot != null || breaker != null && breaker.needsDuration();
  }

  @Override
  public boolean isOnlyCounted() {
    return breaker == null && instance == null && slot == null;
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
      told(outcome, thrown, now);
    }
  }

  @Override
  public void endHttp(int status, long answeredAt, long now) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      startNanos += now - answeredAt;
      told(Outcome.http(status), null, now);
    }
  }

  @Override
  public void endHttpStream(int status, long now) {
    if (ENDED.compareAndSet(this, 0, 1)) {
      untold = !streams;
      told(Outcome.http(status), null, now);
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

  private void told(int outcome, @Nullable Throwable thrown, long now) {
    long took = now - startNanos;
    if (streams) {
      startNanos += now - answeredAt;
    }
    if (slot != null) {
      // first of all: whatever throws below, the place is free
      freeSlots(untold ? Outcome.NONE : outcome, now);
    }
    if (latency != null) {
      int ended = CallTags.ended(kind, outcome);
      latency.record(ended, took);
      // as the loop of auto has it: over gRPC a deadline that passed ends as cancelled, and tells
      boolean tells =
          Outcome.failure(outcome) != Failure.CANCELLED
              || Outcome.protocol(outcome) == Outcome.GRPC;
      if (timer != null && !streams && !untold && tells) {
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
