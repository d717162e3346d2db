package io.weir.engine.rules;

import io.weir.engine.call.RefusalResponse;
import java.util.Collections;
import java.util.List;

/** A circuit breaker for calls to a service. See {@code docs/rules.md}. Immutable. */
public final class CircuitBreakerRule extends Rule {
  /** A state that an operator imposes: {@code force}. */
  public enum Force {
    NONE,
    OPEN,
    CLOSED
  }

  /**
   * Whether the window holds the last {@link #windowSize} calls; false: those of the last {@link
   * #windowSeconds}.
   */
  public final boolean countWindow;

  public final int windowSize;
  public final int windowSeconds;
  public final int minCalls;

  /** The breaker opens at this share of failures or more, 0..1. */
  public final double failureRatio;

  /** Nanos from which a call counts as slow; 0: never. */
  public final long slowCallNanos;

  public final double slowRatio;

  /** The breaker opens after this many failures in a row; 0: no such condition. */
  public final int consecutiveFailures;

  /** Nanos between the first and the last failure before the breaker may open; 0: any. */
  public final long minNanos;

  public final long openNanos;
  public final long maxOpenNanos;
  public final int probeSuccesses;
  public final long probeTimeoutNanos;

  /** HTTP statuses that are failures, written {@code 5xx}, {@code 503} or {@code 500-504}. */
  public final List<String> recordStatus;

  /**
   * Whether the rule itself says which HTTP statuses are failures. Then all of them count when the
   * fleet decides. Otherwise only 502 to 504 do; other errors, such as 500, count in this JVM
   * alone.
   */
  public final boolean statusNamed;

  /** The same for gRPC. Otherwise INTERNAL and UNKNOWN do not count when the fleet decides. */
  public final boolean grpcNamed;

  /** Class names, matched against the thrown class and its superclasses. */
  public final List<String> recordExceptions;

  /** gRPC status names. */
  public final List<String> recordGrpc;

  public final List<String> ignoreStatus;
  public final List<String> ignoreExceptions;
  public final List<String> ignoreGrpc;

  /**
   * How many calling instances must see the failures before the fleet opens, at least 1. 0: see
   * {@link #quorumShare}, and if that is 0, too, {@code auto}: two of them, or one that no other
   * contradicts ({@link #quorumAuto}).
   */
  public final int quorum;

  /** The quorum as a share of the live calling instances; 0 when it is not given as a share. */
  public final double quorumShare;

  /** Whether the fleet shares the breaker's state, through etcd; false: this instance alone. */
  public final boolean fleet;

  /** Whether a rule for {@code *} also applies to host names that are no known service. */
  public final boolean anyHost;

  /** Nanos over which traffic rises from 10 % to 100 % after closing; 0: at once. */
  public final long rampNanos;

  /** Share of the target's instances that may be ejected, 0 to 100; 0: none ever is. */
  public final int maxEjectionPercent;

  public final Force force;
  public final RefusalResponse response;

  private CircuitBreakerRule(Builder b) {
    super(b);
    countWindow = b.countWindow;
    windowSize = b.windowSize;
    windowSeconds = b.windowSeconds;
    minCalls = b.minCalls;
    failureRatio = b.failureRatio;
    slowCallNanos = b.slowCallNanos;
    slowRatio = b.slowRatio;
    consecutiveFailures = b.consecutiveFailures;
    minNanos = b.minNanos;
    openNanos = b.openNanos;
    maxOpenNanos = b.maxOpenNanos;
    probeSuccesses = b.probeSuccesses;
    probeTimeoutNanos = b.probeTimeoutNanos;
    recordStatus = b.recordStatus;
    statusNamed = b.statusNamed;
    grpcNamed = b.grpcNamed;
    recordExceptions = b.recordExceptions;
    recordGrpc = b.recordGrpc;
    ignoreStatus = b.ignoreStatus;
    ignoreExceptions = b.ignoreExceptions;
    ignoreGrpc = b.ignoreGrpc;
    quorum = b.quorum;
    quorumShare = b.quorumShare;
    fleet = b.fleet;
    anyHost = b.anyHost;
    rampNanos = b.rampNanos;
    maxEjectionPercent = b.maxEjectionPercent;
    force = b.force;
    response = b.response;
  }

  /** Whether the quorum is {@code auto}. */
  public boolean quorumAuto() {
    return quorum == 0 && quorumShare == 0;
  }

  @Override
  public CircuitBreakerRule inShadow() {
    return toBuilder().shadow(true).build();
  }

  /** This rule with a breaker that is not shared with the fleet. */
  public CircuitBreakerRule unshared() {
    return fleet
        ? toBuilder()
            .fleet(false)
            .fingerprint(fingerprint.isEmpty() ? "" : fingerprint + "unshared\n")
            .build()
        : this;
  }

  private Builder toBuilder() {
    Builder b = new Builder();
    b.copy(this);
    b.countWindow = countWindow;
    b.windowSize = windowSize;
    b.windowSeconds = windowSeconds;
    b.minCalls = minCalls;
    b.failureRatio = failureRatio;
    b.slowCallNanos = slowCallNanos;
    b.slowRatio = slowRatio;
    b.consecutiveFailures = consecutiveFailures;
    b.minNanos = minNanos;
    b.openNanos = openNanos;
    b.maxOpenNanos = maxOpenNanos;
    b.probeSuccesses = probeSuccesses;
    b.probeTimeoutNanos = probeTimeoutNanos;
    b.recordStatus = recordStatus;
    b.statusNamed = statusNamed;
    b.grpcNamed = grpcNamed;
    b.recordExceptions = recordExceptions;
    b.recordGrpc = recordGrpc;
    b.ignoreStatus = ignoreStatus;
    b.ignoreExceptions = ignoreExceptions;
    b.ignoreGrpc = ignoreGrpc;
    b.quorum = quorum;
    b.quorumShare = quorumShare;
    b.fleet = fleet;
    b.anyHost = anyHost;
    b.rampNanos = rampNanos;
    b.maxEjectionPercent = maxEjectionPercent;
    b.force = force;
    b.response = response;
    return b;
  }

  public static Builder builder() {
    return new Builder();
  }

  /**
   * Defaults: 20 calls, 60 %, 60 s, 3 probes. A rule that is parsed has other defaults for {@code
   * min_seconds} and {@code ramp_seconds}: see {@code docs/rules.md}.
   */
  public static final class Builder extends Base<Builder> {
    private static final long SECOND = 1_000_000_000L;
    private boolean countWindow = true;
    private int windowSize = 20;
    private int windowSeconds = 10;
    private int minCalls = 20;
    private double failureRatio = 0.6;
    private long slowCallNanos;
    private double slowRatio = 1.0;
    private int consecutiveFailures;
    private long minNanos;
    private long openNanos = 60 * SECOND;
    private long maxOpenNanos = 300 * SECOND;
    private int probeSuccesses = 3;
    private long probeTimeoutNanos = 5 * SECOND;
    private List<String> recordStatus = Collections.singletonList("5xx");
    private boolean statusNamed;
    private boolean grpcNamed;
    private List<String> recordExceptions = Collections.singletonList("java.lang.Throwable");
    private List<String> recordGrpc =
        Collections.unmodifiableList(
            java.util.Arrays.asList("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN"));
    private List<String> ignoreStatus = Collections.emptyList();
    private List<String> ignoreExceptions = Collections.emptyList();
    private List<String> ignoreGrpc = Collections.emptyList();
    private int quorum;
    private double quorumShare;
    private boolean fleet = true;
    private boolean anyHost;
    private long rampNanos;
    private int maxEjectionPercent = 10;
    private Force force = Force.NONE;
    private RefusalResponse response = RefusalResponse.DEFAULT;

    public Builder countWindow(int size) {
      countWindow = true;
      windowSize = size;
      return this;
    }

    public Builder timeWindow(int seconds) {
      countWindow = false;
      windowSeconds = seconds;
      return this;
    }

    public Builder minCalls(int v) {
      minCalls = v;
      return this;
    }

    public Builder failureRatio(double v) {
      failureRatio = v;
      return this;
    }

    public Builder slowCallNanos(long v) {
      slowCallNanos = v;
      return this;
    }

    public Builder slowRatio(double v) {
      slowRatio = v;
      return this;
    }

    public Builder consecutiveFailures(int v) {
      consecutiveFailures = v;
      return this;
    }

    /** 0: failures need not span any time. */
    public Builder minNanos(long v) {
      minNanos = v;
      return this;
    }

    public Builder openNanos(long v) {
      openNanos = v;
      return this;
    }

    public Builder maxOpenNanos(long v) {
      maxOpenNanos = v;
      return this;
    }

    public Builder probeSuccesses(int v) {
      probeSuccesses = v;
      return this;
    }

    public Builder probeTimeoutNanos(long v) {
      probeTimeoutNanos = v;
      return this;
    }

    public Builder record(List<String> status, List<String> exceptions, List<String> grpc) {
      recordStatus = status;
      recordExceptions = exceptions;
      recordGrpc = grpc;
      return this;
    }

    /** See {@link CircuitBreakerRule#statusNamed} and {@link CircuitBreakerRule#grpcNamed}. */
    public Builder named(boolean status, boolean grpc) {
      statusNamed = status;
      grpcNamed = grpc;
      return this;
    }

    public Builder ignore(List<String> status, List<String> exceptions, List<String> grpc) {
      ignoreStatus = status;
      ignoreExceptions = exceptions;
      ignoreGrpc = grpc;
      return this;
    }

    /** Both 0 for auto; else one of them is 0. */
    public Builder quorum(int absolute, double share) {
      quorum = absolute;
      quorumShare = share;
      return this;
    }

    public Builder fleet(boolean v) {
      fleet = v;
      return this;
    }

    /** See {@link CircuitBreakerRule#anyHost}. */
    public Builder anyHost(boolean v) {
      anyHost = v;
      return this;
    }

    public Builder rampNanos(long v) {
      rampNanos = v;
      return this;
    }

    public Builder maxEjectionPercent(int v) {
      maxEjectionPercent = v;
      return this;
    }

    public Builder force(Force v) {
      force = v;
      return this;
    }

    public Builder response(RefusalResponse v) {
      response = v;
      return this;
    }

    public CircuitBreakerRule build() {
      return new CircuitBreakerRule(this);
    }
  }
}
