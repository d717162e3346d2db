package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.HealthChecks;
import io.weir.engine.call.InfrastructureClients;
import io.weir.engine.instances.ListeningPorts;
import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.atomic.LongAdder;

/**
 * The calls that are exempt. Health checks and calls to a management port are exempt from limits
 * and breakers, unless a rule asks for them. Calls of exporters and registry clients are exempt
 * from default rules, those of the service {@code *}.
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
   * Health checks so far. Only those are seen that go to a service with limits or breakers.
   *
   * @param inbound true: those this JVM served; false: those it made
   */
  public long healthCheckCount(boolean inbound) {
    return (inbound ? healthChecksIn : healthChecksOut).sum();
  }

  /** Calls to management ports so far. Only those are seen that came while there were limits. */
  public long managementCount() {
    return management.sum();
  }

  /** Tells which clients are exempt from default rules from now on. */
  public void infrastructure(InfrastructureClients clients) {
    infrastructureClients = clients;
  }

  InfrastructureClients infrastructure() {
    return infrastructureClients;
  }

  /**
   * Calls of exporters and registry clients so far, known by target address or gRPC method. Only
   * those are seen that a rule might govern: by address, if the service or {@code *} has any rule;
   * by method, if there are limits or breakers.
   */
  public long infrastructureCount() {
    return infrastructure.sum();
  }

  /** If the call is exempt, marks that in its ledger and counts it. */
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
   * If the call is exempt, marks that in its ledger and counts it.
   *
   * @param toInfrastructure whether the target's address is one of {@link InfrastructureClients}
   */
  <C> void outbound(
      AttributeSource<C> source, C call, boolean toInfrastructure, CallLedger ledger) {
    if (toInfrastructure || InfrastructureClients.isTheirMethod(source, call)) {
      ledger.infrastructure();
      infrastructure.increment();
    }
    if (healthChecks.include(source, call)) {
      ledger.healthCheck();
      healthChecksOut.increment();
    }
  }
}
