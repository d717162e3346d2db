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
 * The entry point of every governed call. It asks rate limits, circuit breakers and router, in this
 * order. When a later one refuses, what an earlier one took is given back.
 *
 * <p>Related parts: what travels with a call ({@link #propagation}), who receives decisions ({@link
 * #listeners}), how long calls take ({@link #measuring}), and which calls are exempt from rules
 * ({@link #exemptions}).
 *
 * <p>Threading: {@link #inbound} and {@link #outbound} from any thread, no lock, no allocation;
 * {@link #apply} from one control thread.
 */
public final class Engine {
  private final Ticker ticker;
  private final String service;
  private final Locality locality;
  private final ServiceAddresses addresses;
  private final WildcardHosts wildcardHosts;
  private final @Nullable Pacer pacer;
  private final ListeningPorts ports = new ListeningPorts();
  private final Exemptions exemptions = new Exemptions(ports);
  private final ServerSignals signals;
  private final MetricExporters exporters = new MetricExporters();
  private final Measuring measuring;
  private final Propagation propagation;
  private final DecisionListeners listeners = new DecisionListeners();
  private final PlanListeners planListeners = new PlanListeners();
  private volatile RulesInForce rules = RulesInForce.EMPTY;
  private volatile boolean watched;

  public Engine(EngineOptions options) {
    service = options.service;
    ticker = options.ticker;
    locality = options.locality;
    addresses = options.addresses;
    pacer = options.pacer;
    wildcardHosts = new WildcardHosts(addresses, options.scope);
    signals = new ServerSignals(service, ticker.read());
    measuring = new Measuring(service, ticker);
    propagation = new Propagation(service, addresses, options.scope);
  }

  /** Puts a rule book into force. All its rules apply to calls at once. */
  public void apply(RuleBook book) {
    signals.judgeBy(book.breakers(service));
    RulesInForce next =
        RulesInForce.build(
            rules, book, service, locality, wildcardHosts, planListeners, ticker.read());
    rules = next;
    propagation.applied(next);
    measuring.applied(next);
    planListeners.rulesApplied();
  }

  /** The listeners to refusals and choices of instances. */
  public DecisionListeners listeners() {
    return listeners;
  }

  /** Adds a listener to changed plans. Any thread. */
  public void addPlanListener(PlanListener listener) {
    planListeners.add(listener);
  }

  /** Removes a listener to changed plans; does nothing when it was not added. Any thread. */
  public void removePlanListener(PlanListener listener) {
    planListeners.remove(listener);
  }

  /** The measuring of how long calls take. */
  public Measuring measuring() {
    return measuring;
  }

  /** What travels with requests. */
  public Propagation propagation() {
    return propagation;
  }

  /** The calls that are exempt from rules. */
  public Exemptions exemptions() {
    return exemptions;
  }

  /**
   * How the calls this JVM serves end. Counted while a rule governs inbound calls, or after {@link
   * #watch}.
   */
  public ServerSignals signals() {
    return signals;
  }

  /** From now on inbound calls are counted in {@link #signals} even if no rule governs them. */
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

  /** The ports on which the servers of this JVM listen. */
  public ListeningPorts ports() {
    return ports;
  }

  /** Connects the metrics with those who export them. */
  public MetricExporters outlet() {
    return exporters;
  }

  /** Now, by the nano clock of the engine. */
  public long now() {
    return ticker.read();
  }

  /** Resumes paced calls without a waiting thread; null: they wait on their own threads. */
  public @Nullable Pacer pacer() {
    return pacer;
  }

  /**
   * Whether inbound calls need {@link #inbound} at all. If not, an adapter can skip its own set-up.
   */
  public boolean governsInbound() {
    RulesInForce r = rules;
    return (r.ownPlan() != null || watched || measuring.latencies() != null) && !r.book().off;
  }

  /**
   * A new decision, to be filled in by {@link #inbound} or {@link #outbound}. Until then its call
   * counts as admitted, and ending it has no effect.
   */
  public CallDecision newDecision() {
    return new CallLedger();
  }

  /**
   * Lets a call pass because deciding about it failed. What was taken for it is given back; the
   * decision becomes as new.
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
   * Decides about a call to this JVM's service.
   *
   * @param source reads the attributes of {@code call}
   * @param decision from {@link #newDecision}. If it was used before, that call must have ended
   * @return true: admitted. Wait for {@link CallDecision#waitNanos}, make the call, and end it by
   *     {@link CallDecision#outcome}. False: refused; {@link CallDecision#refusal} is the answer
   */
  public <C> boolean inbound(AttributeSource<C> source, C call, CallDecision decision) {
    CallLedger ledger = (CallLedger) decision;
    RulesInForce r = rules;
    ServicePlan plan = r.ownPlan();
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
      listeners.publish(ledger, service, true, source, call, now);
    }
    return admitted;
  }

  /**
   * The plan for calls to {@code target}; null: they are not governed, so do not call {@link
   * #outbound}.
   */
  public @Nullable ServicePlan plan(String target) {
    RulesInForce r = rules;
    if (r.book().off) {
      return null;
    }
    ServicePlan plan = r.plan(target, ticker);
    return plan == null ? measuring.unruled(target) : plan;
  }

  /**
   * The plan for calls to an address, or null. The service is the one to which the address is
   * mapped, else the host is its name. At an address of {@link InfrastructureClients} the plan has
   * no default rules.
   */
  public @Nullable ServicePlan plan(String host, int port) {
    String service = addresses.service(host, port);
    if (!exemptions.infrastructure().isAt(host, port)) {
      return plan(service);
    }
    RulesInForce r = rules;
    ServicePlan plan = r.book().off ? null : r.infrastructurePlan(service);
    return plan == null && !r.book().off ? measuring.unruled(service) : plan;
  }

  /**
   * Decides about a call from this JVM.
   *
   * @param plan from {@link #plan(String, int)}
   * @return as of {@link #inbound}
   */
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
      listeners.publish(ledger, plan.service, false, source, call, now);
    }
    return admitted;
  }

  /**
   * Whether an answer came from a registered instance of the called service. Only then may Weir
   * believe what the answer says about the instance.
   *
   * @param chosen the instance the router chose; null: the application's own address was used
   * @param host host of that address, or null when unknown
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
    if (plan.client != null || plan.breakers != null || plan.infrastructure) {
      exemptions.outbound(source, call, plan.infrastructure, ledger);
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
