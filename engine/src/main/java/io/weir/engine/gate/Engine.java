package io.weir.engine.gate;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.InfrastructureClients;
import io.weir.engine.call.Pacer;
import io.weir.engine.call.Ticker;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.ListeningPorts;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.measure.LatencyRecorders;
import io.weir.engine.measure.MetricExporters;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.signals.ServerSignals;
import org.jspecify.annotations.Nullable;

/**
 * The gate every governed call passes: limit, breaker, route, in this order; what an earlier one
 * took is given back when a later one refuses.
 *
 * <p>Beside it stand what a call carries along ({@link #propagation}), who sees what was decided
 * ({@link #listeners}), how long calls take ({@link #measuring}) and which of them rules leave
 * alone ({@link #exemptions}).
 *
 * <p>Threading: {@link #inbound} and {@link #outbound} from any thread, no lock, no allocation;
 * {@link #apply} from one control thread.
 */
public final class Engine {
  private final Ticker ticker;
  private final String service;
  private final Locality here;
  private final ServiceAddresses addresses;
  private final WildcardHosts hosts;
  private final @Nullable Pacer pacer;
  private final ListeningPorts ports = new ListeningPorts();
  private final Exemptions exemptions = new Exemptions(ports);
  private final ServerSignals signals;
  private final MetricExporters outlet = new MetricExporters();
  private final Measuring measuring;
  private final Propagation propagation;
  private final DecisionListeners listeners = new DecisionListeners();
  private final PlanListeners planListeners = new PlanListeners();
  private volatile RulesInForce rules = RulesInForce.EMPTY;
  private volatile boolean watched;

  public Engine(EngineOptions options) {
    service = options.service;
    ticker = options.ticker;
    here = options.locality;
    addresses = options.addresses;
    pacer = options.pacer;
    hosts = new WildcardHosts(addresses, options.scope);
    signals = new ServerSignals(service, ticker.read());
    measuring = new Measuring(service, ticker);
    propagation = new Propagation(service, addresses, options.scope);
  }

  /** Puts a rule book into force: everything in it becomes visible to calls at once. */
  public void apply(RuleBook book) {
    signals.judgeBy(book.breakers(service));
    RulesInForce next =
        RulesInForce.build(rules, book, service, here, hosts, planListeners, ticker.read());
    rules = next;
    propagation.applied(next);
    measuring.applied(next);
    planListeners.rulesApplied();
  }

  /** Who sees refusals and choices of instances. */
  public DecisionListeners listeners() {
    return listeners;
  }

  /** From now on {@code listener} is told of changed plans. Any thread. */
  public void addPlanListener(PlanListener listener) {
    planListeners.add(listener);
  }

  /** From now on it is told of none; one that was not added changes nothing. Any thread. */
  public void removePlanListener(PlanListener listener) {
    planListeners.remove(listener);
  }

  /** How long calls take. */
  public Measuring measuring() {
    return measuring;
  }

  /** What travels with requests. */
  public Propagation propagation() {
    return propagation;
  }

  /** Calls that rules leave alone. */
  public Exemptions exemptions() {
    return exemptions;
  }

  /** How the calls this JVM serves end. Counted while a rule governs them, or {@link #watch}. */
  public ServerSignals signals() {
    return signals;
  }

  /** From now on inbound calls are looked at, also while no rule governs them. */
  public void watch() {
    watched = true;
  }

  /** The rules in force, with their running state. */
  public RulesInForce snapshot() {
    return rules;
  }

  /** This JVM's own service name. */
  public String service() {
    return service;
  }

  /** Where this JVM's own servers listen. */
  public ListeningPorts ports() {
    return ports;
  }

  /** Where metrics meet those who export them. */
  public MetricExporters outlet() {
    return outlet;
  }

  /** The clock calls are timed with. */
  public long now() {
    return ticker.read();
  }

  /** Lets paced calls go on without a waiting thread; null: they wait on their threads. */
  public @Nullable Pacer pacer() {
    return pacer;
  }

  /** Whether inbound calls are looked at at all: lets an adapter skip its own set-up. */
  public boolean governsInbound() {
    RulesInForce r = rules;
    return (r.own() != null || watched || measuring.latencies() != null) && !r.book().off;
  }

  /**
   * A decision that has not been made yet: for {@link #inbound} or {@link #outbound}. Until then
   * its call is admitted, and nobody waits for its outcome.
   */
  public CallDecision newDecision() {
    return new CallLedger();
  }

  /**
   * Asking about a call failed, so it passes: what was taken for it goes back, and of what was
   * decided nothing is left.
   */
  public void failOpen(CallDecision decision) {
    CallLedger ledger = (CallLedger) decision;
    try {
      ledger.abandon(ticker.read());
    } finally {
      ledger.begin(0, null);
    }
  }

  /**
   * A call to this JVM's own service.
   *
   * @param decision of {@link #newDecision}; its earlier call, if any, has ended
   * @return false: refused, {@link CallDecision#refusal} says why. True: admitted; after {@link
   *     CallDecision#waitNanos} make the call and end it by {@link CallDecision#outcome}
   */
  public <C> boolean inbound(AttributeSource<C> source, C call, CallDecision decision) {
    CallLedger ledger = (CallLedger) decision;
    RulesInForce r = rules;
    ServicePlan plan = r.own();
    LatencyRecorders latencies = measuring.latencies();
    if (plan == null && !watched && latencies == null || r.book().off) {
      ledger.begin(0, null);
      return true;
    }
    long now = ticker.read();
    ledger.begin(now, signals);
    RateLimiters limits = plan == null ? null : plan.server;
    if (limits != null) {
      exemptions.inbound(source, call, ledger);
    }
    boolean admitted = limits == null || limits.admit(source, call, now, ledger);
    if (latencies != null) {
      measuring.inbound(latencies, admitted, source, call, now, ledger);
    }
    if (!admitted) {
      listeners.tell(ledger, service, true, source, call, now);
    }
    return admitted;
  }

  /** The plan for calls to {@code target}, or null: not governed, nothing to ask. */
  public @Nullable ServicePlan plan(String target) {
    RulesInForce r = rules;
    if (r.book().off) {
      return null;
    }
    ServicePlan plan = r.plan(target, ticker);
    return plan == null ? measuring.unruled(target) : plan;
  }

  /**
   * The plan for calls aimed at an address: its mapped service, else the host as the service's
   * name; or null. At an address of {@link InfrastructureClients} without the default rules.
   */
  public @Nullable ServicePlan plan(String host, int port) {
    String service = addresses.service(host, port);
    if (!exemptions.infrastructure().isAt(host, port)) {
      return plan(service);
    }
    RulesInForce r = rules;
    ServicePlan plan = r.book().off ? null : r.sparedPlan(service);
    return plan == null && !r.book().off ? measuring.unruled(service) : plan;
  }

  /** A call from this JVM to the service of {@code plan}; see {@link #inbound}. */
  public <C> boolean outbound(
      ServicePlan plan, AttributeSource<C> source, C call, CallDecision decision) {
    CallLedger ledger = (CallLedger) decision;
    long now = ticker.read();
    ledger.begin(now, InstanceRecorder.INSTANCE);
    boolean admitted = decide(plan, source, call, now, ledger);
    LatencyRecorders latencies = measuring.latencies();
    if (latencies != null) {
      measuring.outbound(latencies, plan, admitted, source, call, now, ledger);
    }
    if (!admitted || ledger.instance() != null) {
      listeners.tell(ledger, plan.service, false, source, call, now);
    }
    return admitted;
  }

  /**
   * Whether an answer came from a registered instance of the service that was called, so that its
   * word about itself may be believed.
   *
   * @param chosen by the router, or null: the application's own address was used
   * @param host of that address
   */
  public boolean isRegistered(
      ServicePlan plan, @Nullable Instance chosen, @Nullable String host, int port) {
    if (chosen != null) {
      return true;
    }
    for (Instance i : rules.book().instances(plan.service)) {
      if (i.port() == port && i.host().equals(host)) {
        return true;
      }
    }
    return false;
  }

  private <C> boolean decide(
      ServicePlan plan, AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (plan.client != null || plan.breakers != null || plan.spared) {
      exemptions.outbound(source, call, plan.spared, ledger);
    }
    if (plan.client != null && !plan.client.admit(source, call, now, ledger)) {
      return false;
    }
    if (plan.breakers != null && !plan.breakers.admit(source, call, now, ledger)) {
      ledger.giveBackTokens(now);
      return false;
    }
    if (plan.router != null && !plan.router.pick(source, call, now, ledger)) {
      ledger.abandon(now);
      return false;
    }
    if (ledger.instance() != null) {
      ledger.instance().callStarted();
    }
    return true;
  }
}
