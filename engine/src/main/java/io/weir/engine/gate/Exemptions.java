package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.HealthChecks;
import io.weir.engine.call.InfrastructureClients;
import io.weir.engine.instances.ListeningPorts;
import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.atomic.LongAdder;

/**
 * The calls that are exempt from rules, unless a rule includes them: health checks, calls to a
 * management port, and calls of exporters and registry clients.
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

  /** Sets which calls are health checks. */
  public void healthChecks(HealthChecks checks) {
    healthChecks = checks;
  }

  /**
   * Health checks so far that reached a service with limits or breakers.
   *
   * @param inbound true: those this JVM served; false: those it made
   */
  public long healthCheckCount(boolean inbound) {
    return (inbound ? healthChecksIn : healthChecksOut).sum();
  }

  /** Calls to management ports so far, while this service has limits. */
  public long managementCount() {
    return management.sum();
  }

  /** Sets whose calls are exempt from default rules from now on. */
  public void infrastructure(InfrastructureClients clients) {
    infrastructureClients = clients;
  }

  InfrastructureClients infrastructure() {
    return infrastructureClients;
  }

  /** Calls so far that were exempt from limits and breakers under {@code *} for who made them. */
  public long infrastructureCount() {
    return infrastructure.sum();
  }

  /** Marks the ledger of an exempt call. */
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
