package io.weir.engine.instances;

import io.weir.engine.outcome.Outcome;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * One live instance of a service. Its description is immutable. Its running state (calls in flight,
 * ejection) is shared with the next object for the same {@code host:port}: {@link #continues}.
 *
 * <p>Threading: any thread, except {@link #continues}, {@link #countIn}, {@link #mayBeChosenBy},
 * {@link #retire} and {@link #join}. These belong to the thread that builds the rules in force,
 * before it publishes them.
 */
public final class Instance {
  /**
   * Name of a label. An instance that has it is reserved for calls whose traffic colour has the tag
   * {@code canary} with the same value; see {@link #colour}.
   */
  public static final String CANARY = "canary";

  private final String service;
  private final String host;
  private final int port;
  private final @Nullable String version;
  private final @Nullable String region;
  private final @Nullable String zone;
  private final Map<String, String> labels;
  private final int weight;
  private final @Nullable String protocol;
  private final boolean lastResort;
  private State state = new State();

  /** Only of a last resort: whether a call to it failed without an answer. */
  private volatile boolean deaf;

  /** The counters for its version and region; null when it is not counted. */
  private @Nullable SelectionCounters selections;

  /**
   * @param labels kept by reference; must not change any more
   * @param weight relative weight, at least 0; 100 when the registration has none
   * @param protocol {@code http}, {@code grpc} or null when unknown
   */
  public Instance(
      String service,
      String host,
      int port,
      @Nullable String version,
      @Nullable String region,
      @Nullable String zone,
      Map<String, String> labels,
      int weight,
      @Nullable String protocol) {
    this(service, host, port, version, region, zone, labels, weight, protocol, false);
  }

  private Instance(
      String service,
      String host,
      int port,
      @Nullable String version,
      @Nullable String region,
      @Nullable String zone,
      Map<String, String> labels,
      int weight,
      @Nullable String protocol,
      boolean lastResort) {
    this.lastResort = lastResort;
    this.service = service;
    this.host = host;
    this.port = port;
    this.version = version;
    this.region = region;
    this.zone = zone;
    this.labels = Collections.unmodifiableMap(labels);
    this.weight = weight;
    this.protocol = protocol;
  }

  /**
   * A copy of this instance as a last resort: it is no longer registered, but calls that would find
   * no instance may use it, until one fails without an answer.
   */
  public Instance asLastResort() {
    return new Instance(service, host, port, version, region, zone, labels, weight, protocol, true);
  }

  /** Whether it is no longer registered and only used when there is no other instance. */
  public boolean lastResort() {
    return lastResort;
  }

  public String service() {
    return service;
  }

  public String host() {
    return host;
  }

  public int port() {
    return port;
  }

  /** Version, or null. */
  public @Nullable String version() {
    return version;
  }

  public @Nullable String region() {
    return region;
  }

  public @Nullable String zone() {
    return zone;
  }

  public Map<String, String> labels() {
    return labels;
  }

  public int weight() {
    return weight;
  }

  public @Nullable String protocol() {
    return protocol;
  }

  /**
   * The value of the tag {@code canary} for which this instance is reserved: its label {@code
   * canary}, unless that is empty or {@code false}. Null when it takes any calls.
   */
  public @Nullable String colour() {
    String c = labels.get(CANARY);
    return c == null || c.isEmpty() || c.equals("false") ? null : c;
  }

  /** Calls in flight from this JVM. */
  public int inFlight() {
    return state.inFlight;
  }

  public void callStarted() {
    State.IN_FLIGHT.incrementAndGet(state);
  }

  /** A call ended whose outcome says nothing about this instance. */
  public void callEnded() {
    State.IN_FLIGHT.decrementAndGet(state);
  }

  /**
   * A call to this instance ended. The listener set by {@link #report} gets the outcome.
   *
   * @param outcome an {@link Outcome}
   * @param now nano clock
   */
  public void callEnded(int outcome, long now) {
    State s = state;
    State.IN_FLIGHT.decrementAndGet(s);
    // the caller's own failures, cancelled and shed calls come by callEnded(): this one got no
    // answer
    if (lastResort && Outcome.hasFailure(outcome) && !deaf) {
      deaf = true;
      s.ejections.changed();
    }
    OutcomeListener l = s.outcomes;
    if (l != null) {
      l.ended(outcome, now);
    }
  }

  /** Sets the listener to outcomes of calls to this instance; null: none. */
  public void report(@Nullable OutcomeListener outcomes) {
    state.outcomes = outcomes;
  }

  /** The listener set by {@link #report}, or null. */
  public @Nullable OutcomeListener outcomes() {
    return state.outcomes;
  }

  /** Takes this instance out of routing until {@code until}, a nano clock reading. */
  public void eject(long until) {
    State s = state;
    s.ejectedUntil = until;
    s.ejected = true;
    s.ejections.changed();
  }

  /** Puts this instance back into routing. */
  public void restore() {
    State s = state;
    s.ejected = false;
    s.ejections.changed();
  }

  /** Whether this instance is out of routing at {@code now}. */
  public boolean ejected(long now) {
    State s = state;
    return s.ejected && s.ejectedUntil - now > 0;
  }

  /** Whether this is a last resort and a call to it failed without an answer. */
  public boolean deaf() {
    return deaf;
  }

  /** Nano clock reading at which the last ejection ends or ended; meaningless before the first. */
  public long ejectedUntil() {
    return state.ejectedUntil;
  }

  /** Takes over the running state of the object before for the same address. */
  public void continues(Instance before) {
    state = before.state;
  }

  /** Sets the counters of how often this instance is chosen. */
  public void countIn(SelectionCounters counters) {
    selections = counters;
  }

  /**
   * Announces that an arm, one destination of a routing rule, may choose this instance. Call it
   * after {@link #countIn}.
   *
   * @param arm its number, see {@link SelectionCounters}
   */
  public void mayBeChosenBy(int arm) {
    if (selections != null) {
      selections.addArm(arm);
    }
  }

  /** This instance was chosen for a call, but not by an arm of a rule. */
  public void chosen(SelectionCounters.Reason why) {
    count(SelectionCounters.index(why));
  }

  /**
   * This instance was chosen for a call.
   *
   * @param arm number of the arm that chose it, see {@link #mayBeChosenBy}
   */
  public void chosen(SelectionCounters.Reason why, int arm) {
    count(SelectionCounters.index(why, arm));
  }

  private void count(int index) {
    SelectionCounters s = selections;
    if (s != null && !state.countLocally(s, index)) {
      s.add(index, 1);
    }
  }

  /** Its address is no longer registered. */
  public void retire() {
    state.retire();
  }

  /**
   * Sets the counter that changes when this instance is ejected, returns, or as a last resort stops
   * answering.
   */
  public void join(Ejections ejections) {
    state.ejections = ejections;
  }

  /** Whether two instances of one service have the same description, whatever their state. */
  public boolean describes(Instance o) {
    return port == o.port
        && lastResort == o.lastResort
        && weight == o.weight
        && Objects.equals(host, o.host)
        && Objects.equals(version, o.version)
        && Objects.equals(region, o.region)
        && Objects.equals(zone, o.zone)
        && Objects.equals(protocol, o.protocol)
        && labels.equals(o.labels);
  }

  @Override
  public String toString() {
    return host + ":" + port;
  }

  /** The running state, which outlives a change of the registration. */
  private static final class State implements SelectionCounters.LocalCounter {
    static final AtomicIntegerFieldUpdater<State> IN_FLIGHT =
        AtomicIntegerFieldUpdater.newUpdater(State.class, "inFlight");
    private static final AtomicLongFieldUpdater<State> CHOSEN =
        AtomicLongFieldUpdater.newUpdater(State.class, "chosen");
    private static final AtomicReferenceFieldUpdater<State, SelectionCounters> COUNTERS =
        AtomicReferenceFieldUpdater.newUpdater(State.class, SelectionCounters.class, "counters");
    private static final int NO_INDEX = Integer.MIN_VALUE;

    volatile int inFlight;

    // Nearly all calls to an instance have one counter index: that of the first. Those are counted
    // here, on a cache line that each call writes anyway, and moved to the shared counters when
    // totals are read.

    private volatile long chosen;
    private volatile @Nullable SelectionCounters counters;
    private volatile int index = NO_INDEX;
    private volatile boolean retired;

    volatile boolean ejected;
    volatile long ejectedUntil;
    volatile Ejections ejections = new Ejections();
    volatile @Nullable OutcomeListener outcomes;

    /**
     * Counts a call here, if its index is the one this object counts. The first call determines
     * that index.
     *
     * @return false: the call was not counted
     */
    boolean countLocally(SelectionCounters in, int callIndex) {
      if (index != callIndex || counters != in) {
        if (index != NO_INDEX || !COUNTERS.compareAndSet(this, null, in)) {
          return false;
        }
        index = callIndex;
        in.addLocal(this);
        // retire() may have run before the line above: then it had nothing to remove
        if (retired) {
          in.removeLocal(this);
        }
      }
      CHOSEN.getAndIncrement(this);
      if (retired) {
        move();
      }
      return true;
    }

    @Override
    @SuppressWarnings("NullAway") // null only before the first call is counted
    public void move() {
      if (chosen != 0) {
        counters.add(index, CHOSEN.getAndSet(this, 0));
      }
    }

    /** From now on each call that is counted here is moved at once. */
    void retire() {
      retired = true;
      move();
      SelectionCounters h = counters;
      if (h != null) {
        h.removeLocal(this);
      }
    }
  }
}
