package io.weir.engine.gate;

import io.weir.engine.call.Pacer;
import io.weir.engine.call.Ticker;
import io.weir.engine.colour.PropagationScope;
import io.weir.engine.instances.Locality;
import org.jspecify.annotations.Nullable;

/**
 * What an {@link Engine} has to know before its first rule. Immutable: each method returns a copy.
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
   * Where it runs nobody knows, no address has another name, colours stay inside and paced calls
   * wait on their threads.
   *
   * @param service this JVM's own service name
   * @param ticker the nano clock of every call
   */
  public static EngineOptions of(String service, Ticker ticker) {
    return new EngineOptions(
        service, ticker, Locality.UNKNOWN, ServiceAddresses.NONE, PropagationScope.INSIDE, null);
  }

  /**
   * @param where where this JVM runs: the router prefers what is near
   */
  public EngineOptions locality(Locality where) {
    return new EngineOptions(service, ticker, where, addresses, scope, pacer);
  }

  /**
   * @param names logical names of hard-wired addresses
   */
  public EngineOptions addresses(ServiceAddresses names) {
    return new EngineOptions(service, ticker, locality, names, scope, pacer);
  }

  /**
   * @param hosts who gets the traffic colour
   */
  public EngineOptions propagateTo(PropagationScope hosts) {
    return new EngineOptions(service, ticker, locality, addresses, hosts, pacer);
  }

  /**
   * @param threadless lets paced calls go on, or null: they wait on their threads
   */
  public EngineOptions pacer(@Nullable Pacer threadless) {
    return new EngineOptions(service, ticker, locality, addresses, scope, threadless);
  }
}
