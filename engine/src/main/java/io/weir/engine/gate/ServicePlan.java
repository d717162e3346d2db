package io.weir.engine.gate;

import io.weir.engine.breaker.Breakers;
import io.weir.engine.limit.Limits;
import io.weir.engine.measure.Latencies;
import io.weir.engine.measure.Latency;
import io.weir.engine.outlier.Outliers;
import io.weir.engine.route.Router;

/** The running engines of one service; any may be null, which costs nothing. */
public final class ServicePlan {
  final String service;
  final Limits server;
  final Limits client;
  final Breakers breakers;
  final Router router;
  final Outliers outliers;

  /** Where the calls' times are counted, once they are; asked for by name only once. */
  private volatile Latency latency;

  ServicePlan(
      String service,
      Limits server,
      Limits client,
      Breakers breakers,
      Router router,
      Outliers outliers) {
    this.service = service;
    this.server = server;
    this.client = client;
    this.breakers = breakers;
    this.router = router;
    this.outliers = outliers;
  }

  public String service() {
    return service;
  }

  /** Limits on calls to this JVM, or null. */
  public Limits server() {
    return server;
  }

  /** Limits on calls from this JVM to the service, or null. */
  public Limits client() {
    return client;
  }

  public Breakers breakers() {
    return breakers;
  }

  public Router router() {
    return router;
  }

  /** What takes failing instances out of routing, or null. */
  public Outliers outliers() {
    return outliers;
  }

  Latency latency(Latencies all) {
    Latency l = latency;
    if (l == null) {
      l = all.target(service);
      latency = l;
    }
    return l;
  }

  boolean isEmpty() {
    return server == null && client == null && breakers == null && router == null;
  }
}
