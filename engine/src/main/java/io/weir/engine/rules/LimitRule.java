package io.weir.engine.rules;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.Response;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A rate limit. See {@code docs/rules.md} for the operator's view. Immutable. */
public final class LimitRule extends Rule {
  /** Whose calls count. */
  public enum Side {
    SERVER,
    CLIENT
  }

  /** Whether {@code qps} is each instance's or the whole service's. */
  public enum Scope {
    INSTANCE,
    CLUSTER
  }

  /** What a call without the key gets. */
  public enum OnMissing {
    SHARED,
    SKIP,
    REJECT
  }

  /** Tokens per second, at least 0; 0 denies all. */
  public final double qps;

  /** Tokens at once after idling, at least 1. */
  public final long burst;

  /** One bucket per distinct combination; empty for one bucket. */
  public final List<Attribute> by;

  public final Side side;
  public final Scope scope;

  /** Longest paced wait, nanos; 0 refuses at once. */
  public final long maxWaitNanos;

  public final int maxKeys;
  public final OnMissing onMissing;

  /** Tokens a call takes, at least 1. */
  public final int cost;

  public final Response response;

  private LimitRule(Builder b) {
    super(b);
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
  }

  @Override
  public LimitRule inShadow() {
    Builder b = new Builder();
    b.copy(this);
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
    return b.shadow(true).build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Bounds are checked by whoever parses; see {@code control.parse}. */
  public static final class Builder extends Base<Builder> {
    private double qps;
    private long burst;
    private List<Attribute> by = Collections.emptyList();
    private Side side = Side.SERVER;
    private Scope scope = Scope.INSTANCE;
    private long maxWaitNanos;
    private int maxKeys = 100_000;
    private OnMissing onMissing = OnMissing.SHARED;
    private int cost = 1;
    private Response response = Response.DEFAULT;

    public Builder qps(double v) {
      qps = v;
      return this;
    }

    /** 0 for the default, max(1, qps). */
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

    public Builder response(Response v) {
      response = v;
      return this;
    }

    public LimitRule build() {
      return new LimitRule(this);
    }
  }
}
