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
 * One live instance of a service. Its description is immutable; its running state (calls under way,
 * ejection) lives on while the same {@code host:port} stays registered: {@link #continues}.
 *
 * <p>Threading: any, except {@link #continues}, {@link #countIn}, {@link #mayBeChosenBy}, {@link
 * #retire} and {@link #join}, which belong to whoever builds a snapshot and come before its
 * publication.
 */
public final class Instance {
  /** Label that keeps untagged traffic away; its value names the colour. */
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

  /** As a last resort only: a call got no answer here. */
  private volatile boolean deaf;

  /** Belongs to the description, not to the address: another version is counted elsewhere. */
  private @Nullable SelectionCounters selections;

  /**
   * @param labels copied by reference; must not change any more
   * @param weight relative weight, at least 0; 100 when the registration says nothing
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
   * This instance as one that is no longer registered, for calls that would find nobody else. The
   * first call that gets no answer from it ends that.
   */
  public Instance asLastResort() {
    return new Instance(service, host, port, version, region, zone, labels, weight, protocol, true);
  }

  /** Whether it is not registered any more, and used where there is nobody else. */
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

  /** Version label, or null. */
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
   * The colour this instance is reserved for: its {@code canary} label unless that is {@code
   * false}, or null when it takes anybody's calls.
   */
  public @Nullable String colour() {
    String c = labels.get(CANARY);
    return c == null || c.isEmpty() || c.equals("false") ? null : c;
  }

  /** Calls under way from this JVM. */
  public int inFlight() {
    return state.inFlight;
  }

  public void callStarted() {
    State.IN_FLIGHT.incrementAndGet(state);
  }

  public void callEnded() {
    State.IN_FLIGHT.decrementAndGet(state);
  }

  /**
   * A call to this instance ended, and not by the caller's own cancel. Told to whom {@link #report}
   * named.
   *
   * @param outcome an {@link Outcome}
   * @param now nano clock
   */
  public void callEnded(int outcome, long now) {
    State s = state;
    State.IN_FLIGHT.decrementAndGet(s);
    if (lastResort && Outcome.hasFailure(outcome) && !deaf) {
      deaf = true;
      s.ejections.changed();
    }
    OutcomeListener l = s.outcomes;
    if (l != null) {
      l.ended(outcome, now);
    }
  }

  /** Who is told how calls to this instance end, or null. */
  public void report(@Nullable OutcomeListener outcomes) {
    state.outcomes = outcomes;
  }

  /** See {@link #report}. */
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

  /** Whether this is a last resort that did not answer. */
  public boolean deaf() {
    return deaf;
  }

  /** When the last ejection ends or ended, a nano clock reading; meaningless before the first. */
  public long ejectedUntil() {
    return state.ejectedUntil;
  }

  /** Shares the running state of the same address in the snapshot before. */
  public void continues(Instance before) {
    state = before.state;
  }

  /** Where it is counted how often this instance is chosen. */
  public void countIn(SelectionCounters counts) {
    selections = counts;
  }

  /** An arm of that number is about to have this instance; after {@link #countIn}. */
  public void mayBeChosenBy(int arm) {
    if (selections != null) {
      selections.fit(arm);
    }
  }

  /** This instance was chosen for a call, by no arm of a rule. */
  public void chosen(SelectionCounters.Reason why) {
    count(SelectionCounters.place(why));
  }

  /**
   * This instance was chosen for a call.
   *
   * @param arm the number of the arm that chose it, see {@link #mayBeChosenBy}
   */
  public void chosen(SelectionCounters.Reason why, int arm) {
    count(SelectionCounters.place(why, arm));
  }

  private void count(int place) {
    SelectionCounters s = selections;
    if (s != null && !state.counts(s, place)) {
      s.add(place, 1);
    }
  }

  /** Its address is registered no more. */
  public void retire() {
    state.leave();
  }

  /** Whose ejections this instance's count among. */
  public void join(Ejections ejections) {
    state.ejections = ejections;
  }

  /** Whether the registration says the same, whatever the running state. */
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

  /** What outlives a change of the registration's value. */
  private static final class State implements SelectionCounters.Resident {
    static final AtomicIntegerFieldUpdater<State> IN_FLIGHT =
        AtomicIntegerFieldUpdater.newUpdater(State.class, "inFlight");
    private static final AtomicLongFieldUpdater<State> CHOSEN =
        AtomicLongFieldUpdater.newUpdater(State.class, "chosen");
    private static final AtomicReferenceFieldUpdater<State, SelectionCounters> HOME =
        AtomicReferenceFieldUpdater.newUpdater(State.class, SelectionCounters.class, "home");
    private static final int UNSETTLED = Integer.MIN_VALUE;

    volatile int inFlight;

    // Most calls to an instance are chosen by one arm for one reason: the first one's. Those are
    // counted here, on the cache line that they write anyway, and added up when somebody asks.

    private volatile long chosen;
    private volatile @Nullable SelectionCounters home;
    private volatile int place = UNSETTLED;
    private volatile boolean gone;

    volatile boolean ejected;
    volatile long ejectedUntil;
    volatile Ejections ejections = new Ejections();
    volatile @Nullable OutcomeListener outcomes;

    /** False: not to be counted here. */
    boolean counts(SelectionCounters in, int at) {
      if (place != at || home != in) {
        if (place != UNSETTLED || !HOME.compareAndSet(this, null, in)) {
          return false;
        }
        place = at;
        in.settles(this);
        if (gone) {
          in.leaves(this);
        }
      }
      CHOSEN.getAndIncrement(this);
      if (gone) {
        move();
      }
      return true;
    }

    @Override
    @SuppressWarnings("NullAway") // who counts has a home
    public void move() {
      if (chosen != 0) {
        home.add(place, CHOSEN.getAndSet(this, 0));
      }
    }

    /** Whoever counts here from now on moves it himself. */
    void leave() {
      gone = true;
      move();
      SelectionCounters h = home;
      if (h != null) {
        h.leaves(this);
      }
    }
  }
}
