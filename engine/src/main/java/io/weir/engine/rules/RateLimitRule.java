package io.weir.engine.rules;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.RefusalResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A rate limit. See {@code docs/rules.md} for the operator's view. Immutable. */
public final class RateLimitRule extends Rule {
  /** Whether the rule limits calls to this service (SERVER) or calls that this JVM makes to it. */
  public enum Side {
    SERVER,
    CLIENT
  }

  /** Whether {@code qps} is the rate of each instance or of the whole service. */
  public enum Scope {
    INSTANCE,
    CLUSTER
  }

  /** What happens to a call that lacks an attribute of {@link RateLimitRule#by}. */
  public enum OnMissing {
    SHARED,
    SKIP,
    REJECT
  }

  /** The measured value by which {@code auto} adjusts the rate. */
  public enum Metric {
    P99,
    ERROR_RATIO,
    CPU
  }

  /** A limit on calls under way that follows their latency. Immutable. */
  public static final class Adaptive {
    /** Lower bound of the limit; the upper bound is {@link RateLimitRule#maxConcurrent}. */
    public final int min;

    /** The limit to start with. */
    public final int initial;

    /** The latency to aim for, as a multiple of that of a call that does not queue; above 1. */
    public final double tolerance;

    public Adaptive(int min, int initial, double tolerance) {
      this.min = min;
      this.initial = initial;
      this.tolerance = tolerance;
    }
  }

  /** A rate that follows the service's health. Immutable. */
  public static final class Auto {
    public final Metric metric;

    /** Milliseconds of p99, a share of errors, or a share of the CPUs. */
    public final double target;

    public final double minQps;
    public final double maxQps;

    public Auto(Metric metric, double target, double minQps, double maxQps) {
      this.metric = metric;
      this.target = target;
      this.minQps = minQps;
      this.maxQps = maxQps;
    }
  }

  /** Whether the rule has a rate; without one it only has {@link #maxConcurrent}. */
  public final boolean rated;

  /** Tokens per second, at least 0; 0 refuses every call. With {@link #auto} the initial rate. */
  public final double qps;

  /** Most tokens a bucket holds, at least 1. */
  public final long burst;

  /**
   * A bucket for each combination of values of these attributes; empty: one bucket for all calls.
   */
  public final List<Attribute> by;

  public final Side side;
  public final Scope scope;

  /** Longest paced wait, in nanos; 0: a call without tokens is refused at once. */
  public final long maxWaitNanos;

  /** Most keys with their own bucket. */
  public final int maxKeys;

  public final OnMissing onMissing;

  /** Tokens a call takes, at least 1. */
  public final int cost;

  public final RefusalResponse response;

  /** Most calls under way at once; 0: no such limit. */
  public final int maxConcurrent;

  /** How the limit on calls under way adapts; null: {@link #maxConcurrent} is a fixed limit. */
  public final @Nullable Adaptive adaptive;

  /** How the rate follows the service's health; null: it is fixed. */
  public final @Nullable Auto auto;

  /** Whether the rule is also about calls to management ports. */
  public final boolean includeManagement;

  private RateLimitRule(Builder b) {
    super(b);
    includeManagement = b.includeManagement;
    rated = b.rated || b.maxConcurrent == 0;
    qps = b.qps;
    burst = b.burst > 0 ? b.burst : Math.max(1L, (long) b.qps);
    by = Collections.unmodifiableList(new ArrayList<Attribute>(b.by));
    side = b.side;
    scope = b.scope;
    maxWaitNanos = b.maxWaitNanos;
    maxKeys = b.maxKeys;
    onMissing = b.onMissing;
    cost = b.cost;
    response = b.response;
    maxConcurrent = b.maxConcurrent;
    adaptive = b.adaptive;
    auto = b.auto;
  }

  @Override
  public RateLimitRule inShadow() {
    Builder b = new Builder();
    b.copy(this);
    b.rated = rated;
    b.qps = qps;
    b.burst = burst;
    b.by = by;
    b.side = side;
    b.scope = scope;
    b.maxWaitNanos = maxWaitNanos;
    b.maxKeys = maxKeys;
    b.onMissing = onMissing;
    b.cost = cost;
    b.response = response;
    b.maxConcurrent = maxConcurrent;
    b.adaptive = adaptive;
    b.auto = auto;
    b.includeManagement = includeManagement;
    return b.shadow(true).build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Does not check bounds; the parser does ({@code control.parse}). */
  public static final class Builder extends Base<Builder> {
    private boolean rated;
    private double qps;
    private long burst;
    private List<Attribute> by = Collections.emptyList();
    private Side side = Side.SERVER;
    private Scope scope = Scope.INSTANCE;
    private long maxWaitNanos;
    private int maxKeys = 100_000;
    private OnMissing onMissing = OnMissing.SHARED;
    private int cost = 1;
    private RefusalResponse response = RefusalResponse.DEFAULT;
    private int maxConcurrent;
    private @Nullable Adaptive adaptive;
    private @Nullable Auto auto;
    private boolean includeManagement;

    public Builder includeManagement(boolean v) {
      includeManagement = v;
      return this;
    }

    public Builder qps(double v) {
      rated = true;
      qps = v;
      return this;
    }

    /** 0: the default, max(1, qps). */
    public Builder burst(long v) {
      burst = v;
      return this;
    }

    public Builder by(List<Attribute> v) {
      by = v;
      return this;
    }

    public Builder side(Side v) {
      side = v;
      return this;
    }

    public Builder scope(Scope v) {
      scope = v;
      return this;
    }

    public Builder maxWaitNanos(long v) {
      maxWaitNanos = v;
      return this;
    }

    public Builder maxKeys(int v) {
      maxKeys = v;
      return this;
    }

    public Builder onMissing(OnMissing v) {
      onMissing = v;
      return this;
    }

    public Builder cost(int v) {
      cost = v;
      return this;
    }

    public Builder response(RefusalResponse v) {
      response = v;
      return this;
    }

    public Builder maxConcurrent(int v) {
      maxConcurrent = v;
      return this;
    }

    public Builder adaptive(@Nullable Adaptive v) {
      adaptive = v;
      return this;
    }

    public Builder auto(@Nullable Auto v) {
      auto = v;
      return this;
    }

    public RateLimitRule build() {
      return new RateLimitRule(this);
    }
  }
}
