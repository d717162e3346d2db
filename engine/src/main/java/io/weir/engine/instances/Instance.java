package io.weir.engine.instances;

import java.util.Collections;
import java.util.Map;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * One live instance of a service. Its description is immutable; its statistics live on while the
 * same {@code host:port} stays registered.
 */
public final class Instance {
  private static final AtomicIntegerFieldUpdater<Instance> IN_FLIGHT =
      AtomicIntegerFieldUpdater.newUpdater(Instance.class, "inFlight");

  private final String service;
  private final String host;
  private final int port;
  private final String version;
  private final String region;
  private final String zone;
  private final Map<String, String> labels;
  private final int weight;
  private final String protocol;
  private volatile int inFlight;

  /**
   * @param labels copied by reference; must not change any more
   * @param weight relative weight, at least 0; 100 when the registration says nothing
   * @param protocol {@code http}, {@code grpc} or null when unknown
   */
  public Instance(
      String service,
      String host,
      int port,
      String version,
      String region,
      String zone,
      Map<String, String> labels,
      int weight,
      String protocol) {
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
  public String version() {
    return version;
  }

  public String region() {
    return region;
  }

  public String zone() {
    return zone;
  }

  public Map<String, String> labels() {
    return labels;
  }

  public int weight() {
    return weight;
  }

  public String protocol() {
    return protocol;
  }

  /** Calls under way from this JVM. */
  public int inFlight() {
    return inFlight;
  }

  public void callStarted() {
    IN_FLIGHT.incrementAndGet(this);
  }

  public void callEnded() {
    IN_FLIGHT.decrementAndGet(this);
  }

  @Override
  public String toString() {
    return host + ":" + port;
  }
}
