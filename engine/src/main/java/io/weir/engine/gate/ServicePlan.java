package io.weir.engine.gate;

import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.breaker.CircuitBreakers;
import io.weir.engine.instances.Instance;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.TimedRule;
import io.weir.engine.outlier.OutlierDetector;
import io.weir.engine.route.Router;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The running limits, breakers, router and outlier detection of one service. Each may be null and
 * then costs nothing.
 */
public final class ServicePlan {
  final String service;
  final @Nullable RateLimiters server;
  final @Nullable RateLimiters client;
  final @Nullable CircuitBreakers breakers;
  final @Nullable Router router;
  final @Nullable OutlierDetector outliers;

  /** For calls to telemetry collectors, registries and the like: no default rule is asked. */
  final boolean infrastructure;

  /**
   * Whether the plan was used since the last sweep; only for plans that can be removed. Written
   * without a fence: at worst the plan is removed one sweep early or late.
   */
  boolean used = true;

  /**
   * The recorder of how long the calls take, so that it is looked up by name only once; null before
   * the first measured call.
   */
  volatile @Nullable LatencyRecorder latency;

  ServicePlan(
      String service,
      @Nullable RateLimiters server,
      @Nullable RateLimiters client,
      @Nullable CircuitBreakers breakers,
      @Nullable Router router,
      @Nullable OutlierDetector outliers) {
    this(service, server, client, breakers, router, outliers, false);
  }

  private ServicePlan(
      String service,
      @Nullable RateLimiters server,
      @Nullable RateLimiters client,
      @Nullable CircuitBreakers breakers,
      @Nullable Router router,
      @Nullable OutlierDetector outliers,
      boolean infrastructure) {
    this.service = service;
    this.server = server;
    this.client = client;
    this.breakers = breakers;
    this.router = router;
    this.outliers = outliers;
    this.infrastructure = infrastructure;
  }

  /** The plan for calls to infrastructure that no rule but the defaults is about. */
  static ServicePlan infrastructure(String service) {
    return new ServicePlan(service, null, null, null, null, null, true);
  }

  /**
   * The same engines for calls to infrastructure.
   *
   * @param routed whether the service's routing rules are its own. Default ones are left out, and
   *     then a call goes where the application sent it
   */
  ServicePlan infrastructure(boolean routed) {
    return new ServicePlan(
        service, server, client, breakers, routed ? router : null, outliers, true);
  }

  public String service() {
    return service;
  }

  /** Limits on calls to this JVM, or null. */
  public @Nullable RateLimiters server() {
    return server;
  }

  /** Limits on calls from this JVM to the service, or null. */
  public @Nullable RateLimiters client() {
    return client;
  }

  /** The circuit breakers, or null. */
  public @Nullable CircuitBreakers breakers() {
    return breakers;
  }

  /** Whether some limit on calls from this JVM to the service makes calls wait. */
  public boolean paces() {
    return client != null && client.paces();
  }

  /**
   * The registered live instances of the service; empty when there is no router. The same list
   * object as long as nothing about routing has changed.
   */
  public List<Instance> instances() {
    return router == null ? Collections.<Instance>emptyList() : router.instances();
  }

  /** The router, or null. */
  public @Nullable Router router() {
    return router;
  }

  /** The outlier detector, which takes failing instances out of routing; or null. */
  public @Nullable OutlierDetector outliers() {
    return outliers;
  }

  /** Calls {@code to} for each timed rule about calls to this JVM. */
  void timedServer(TimedRule.Each to) {
    if (server != null) {
      server.timed(to);
    }
  }

  /** Calls {@code to} for each timed rule about calls from this JVM to the service. */
  void timedClient(TimedRule.Each to) {
    if (client != null) {
      client.timed(to);
    }
    if (breakers != null) {
      breakers.timed(to);
    }
  }

  /** Whether nothing that matters is lost when this plan is removed and made anew. */
  boolean isDispensable(long now) {
    if (client != null) {
      return false;
    }
    if (breakers == null) {
      return true;
    }
    for (CircuitBreaker b : breakers.all()) {
      if (!b.isSettled(now)) {
        return false;
      }
    }
    return true;
  }

  /** Whether the plan governs nothing. */
  boolean isEmpty() {
    return server == null && client == null && breakers == null && router == null;
  }
}
