package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.HealthChecks;
import io.weir.engine.call.InfrastructureClients;
import io.weir.engine.instances.ListeningPorts;
import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.atomic.LongAdder;

/**
 * Calls that rules leave alone unless they say otherwise: health checks, those that came to a
 * management port, and those of exporters and of clients of registries.
 *
 * <p>Any thread, no lock.
 */
public final class Exemptions {
  private final ListeningPorts ports;
  private volatile HealthChecks healthChecks = HealthChecks.DEFAULT;

  private final LongAdder healthChecksIn = new LongAdder();
  private final LongAdder healthChecksOut = new LongAdder();
  private final LongAdder management = new LongAdder();
  private final LongAdder infrastructure = new LongAdder();
  private volatile InfrastructureClients infrastructureClients = InfrastructureClients.DEFAULT;

  Exemptions(ListeningPorts ports) {
    this.ports = ports;
  }

  /** From now on these are health checks. */
  public void healthChecks(HealthChecks checks) {
    healthChecks = checks;
  }

  /**
   * Health checks so far of which some limit or breaker was not asked: those the service's own
   * server got, or those this JVM made.
   */
  public long healthCheckCount(boolean inbound) {
    return (inbound ? healthChecksIn : healthChecksOut).sum();
  }

  /** Calls to management ports so far of which some limit was not asked. */
  public long managementCount() {
    return management.sum();
  }

  /** From now on these clients are none of the default rules' business. */
  public void infrastructure(InfrastructureClients clients) {
    infrastructureClients = clients;
  }

  InfrastructureClients infrastructure() {
    return infrastructureClients;
  }

  /** Calls so far of which no limit or breaker under {@code *} was asked for who made them. */
  public long infrastructureCount() {
    return infrastructure.sum();
  }

  <C> void inbound(AttributeSource<C> source, C call, CallLedger ledger) {
    if (ports.anyManagement() && ports.isManagement(source.localPort(call))) {
      ledger.management();
      management.increment();
    }
    if (healthChecks.include(source, call)) {
      ledger.healthCheck();
      healthChecksIn.increment();
    }
  }

  /**
   * @param spared its address is one of infrastructure
   */
  <C> void outbound(AttributeSource<C> source, C call, boolean spared, CallLedger ledger) {
    if (spared || InfrastructureClients.isTheirMethod(source, call)) {
      ledger.infrastructure();
      infrastructure.increment();
    }
    if (healthChecks.include(source, call)) {
      ledger.healthCheck();
      healthChecksOut.increment();
    }
  }
}
