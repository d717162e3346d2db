package io.weir.engine.gate;

import io.weir.engine.call.Pacer;
import io.weir.engine.call.Ticker;
import io.weir.engine.colour.PropagationScope;
import io.weir.engine.instances.Locality;
import org.jspecify.annotations.Nullable;

/**
 * The options of an {@link Engine}. Immutable: each method returns a copy with one option changed.
 */
public final class EngineOptions {
  final String service;
  final Ticker ticker;
  final Locality locality;
  final ServiceAddresses addresses;
  final PropagationScope scope;
  final @Nullable Pacer pacer;

  private EngineOptions(
      String service,
      Ticker ticker,
      Locality locality,
      ServiceAddresses addresses,
      PropagationScope scope,
      @Nullable Pacer pacer) {
    this.service = service;
    this.ticker = ticker;
    this.locality = locality;
    this.addresses = addresses;
    this.scope = scope;
    this.pacer = pacer;
  }

  /**
   * Default options: the locality is unknown, no address has another name, colours stay inside, and
   * paced calls wait on their own threads.
   *
   * @param service name of this JVM's service
   * @param ticker the nano clock of the engine
   */
  public static EngineOptions of(String service, Ticker ticker) {
    return new EngineOptions(
        service, ticker, Locality.UNKNOWN, ServiceAddresses.NONE, PropagationScope.INSIDE, null);
  }

  /**
   * @param where where this JVM runs; the router prefers near instances
   */
  public EngineOptions locality(Locality where) {
    return new EngineOptions(service, ticker, where, addresses, scope, pacer);
  }

  /**
   * @param names service names of hard-wired addresses
   */
  public EngineOptions addresses(ServiceAddresses names) {
    return new EngineOptions(service, ticker, locality, names, scope, pacer);
  }

  /**
   * @param hosts which hosts get the traffic colour
   */
  public EngineOptions propagateTo(PropagationScope hosts) {
    return new EngineOptions(service, ticker, locality, addresses, hosts, pacer);
  }

  /**
   * @param threadless resumes paced calls without a waiting thread; null: they wait on their own
   *     threads
   */
  public EngineOptions pacer(@Nullable Pacer threadless) {
    return new EngineOptions(service, ticker, locality, addresses, scope, threadless);
  }
}
