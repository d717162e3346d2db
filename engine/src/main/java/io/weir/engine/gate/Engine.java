package io.weir.engine.gate;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.HealthChecks;
import io.weir.engine.call.Pacer;
import io.weir.engine.call.Refusal;
import io.weir.engine.call.Ticker;
import io.weir.engine.call.Witness;
import io.weir.engine.colour.PropagationScope;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.ListeningPorts;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.measure.CallTags;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.LatencyRecorders;
import io.weir.engine.measure.MetricExporters;
import io.weir.engine.measure.RuleLatency;
import io.weir.engine.measure.TimedRule;
import io.weir.engine.outcome.Failure;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.signals.ServerSignals;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The gate every governed call passes: key, limit, breaker, route, in this order; what an earlier
 * engine took is given back when a later one refuses.
 *
 * <p>Threading: {@link #inbound} and {@link #outbound} from any thread, no lock, no allocation;
 * {@link #apply} from one control thread.
 */
public final class Engine implements CallLedger.Recorder {
  /** Header, or gRPC metadata, that names the calling service. */
  public static final String CALLER = "x-weir-caller";

  private static final String[] NO_HEADERS = new String[0];

  private final Ticker ticker;
  private final String service;
  private final Locality here;
  private final ServiceAddresses targets;
  private final PropagationScope reach;
  private final WildcardHosts hosts;
  private final @Nullable Pacer pacer;
  private final ListeningPorts ports = new ListeningPorts();
  private final ServerSignals signals;
  private final MetricExporters outlet = new MetricExporters();
  private volatile RulesInForce snapshot = RulesInForce.EMPTY;
  private volatile boolean watched;
  private volatile HealthChecks healthChecks = HealthChecks.DEFAULT;

  /** Health checks that limits or breakers let pass; by side. */
  private final LongAdder exemptIn = new LongAdder();

  private final LongAdder exemptOut = new LongAdder();

  /** Calls to management ports that limits let pass. */
  private final LongAdder exemptManagement = new LongAdder();

  /** Null while nobody reads how long calls take: then it is not measured. */
  private volatile @Nullable LatencyRecorders latencies;

  /** How many more rules may have a latency of their own. */
  private final AtomicInteger ruleRoom = new AtomicInteger(LatencyRecorders.MAX_RULES);

  /** No method reference: the first call to a service would link it, deep down in its stack. */
  private final TimedRule.Each timing =
      new TimedRule.Each() {
        @Override
        public void rule(String kind, String id, long slowNanos, TimedRule rule) {
          if (rule.latency() == null && ruleRoom.getAndDecrement() > 0) {
            rule.time(new LatencyRecorder());
          }
        }
      };

  /** Who wants to see decisions; replaced, never changed. */
  private volatile Witness[] witnesses = new Witness[0];

  /** Services without rules that are measured all the same; as many as have a latency. */
  private final ConcurrentHashMap<String, ServicePlan> measured =
      new ConcurrentHashMap<String, ServicePlan>();

  /** An engine whose region and zone are unknown. */
  public Engine(String service, Ticker ticker) {
    this(service, Locality.UNKNOWN, ServiceAddresses.NONE, ticker);
  }

  /** An engine without address mapping. */
  public Engine(String service, Locality here, Ticker ticker) {
    this(service, here, ServiceAddresses.NONE, ticker);
  }

  /** An engine whose colour stays inside. */
  public Engine(String service, Locality here, ServiceAddresses targets, Ticker ticker) {
    this(service, here, targets, PropagationScope.INSIDE, ticker);
  }

  /**
   * @param service this JVM's own service name
   * @param here where this JVM runs: the router prefers what is near
   * @param targets logical names of hard-wired addresses
   * @param reach who gets the traffic colour
   */
  public Engine(
      String service,
      Locality here,
      ServiceAddresses targets,
      PropagationScope reach,
      Ticker ticker) {
    this(service, here, targets, reach, ticker, null);
  }

  /**
   * As above.
   *
   * @param pacer lets paced calls go on, or null: they wait on their threads
   */
  public Engine(
      String service,
      Locality here,
      ServiceAddresses targets,
      PropagationScope reach,
      Ticker ticker,
      @Nullable Pacer pacer) {
    this.service = service;
    this.targets = targets;
    this.reach = reach;
    this.hosts = new WildcardHosts(targets, reach);
    this.here = here;
    this.ticker = ticker;
    this.pacer = pacer;
    this.signals = new ServerSignals(service, ticker.read());
  }

  /** Puts a rule book into force: everything in it becomes visible to calls at once. */
  public void apply(RuleBook book) {
    signals.judgeBy(book.breakers(service));
    snapshot = RulesInForce.build(snapshot, book, service, here, hosts, ticker.read());
    timeOwn();
  }

  /** How the calls this JVM serves end. Counted while a rule governs them, or {@link #watch}. */
  public ServerSignals signals() {
    return signals;
  }

  /** From now on inbound calls are looked at, also while no rule governs them. */
  public void watch() {
    watched = true;
  }

  public RulesInForce snapshot() {
    return snapshot;
  }

  public String service() {
    return service;
  }

  /** From now on these are health checks. */
  public void healthChecks(HealthChecks checks) {
    healthChecks = checks;
  }

  /**
   * Health checks so far of which some limit or breaker was not asked: those the service's own
   * server got, or those this JVM made.
   */
  public long exemptHealthChecks(boolean inbound) {
    return (inbound ? exemptIn : exemptOut).sum();
  }

  /** Calls to management ports so far of which some limit was not asked. */
  public long exemptManagement() {
    return exemptManagement.sum();
  }

  private <C> void exempt(AttributeSource<C> source, C call, CallLedger ledger, LongAdder count) {
    if (healthChecks.include(source, call)) {
      ledger.healthCheck();
      count.increment();
    }
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

  /**
   * From now on the time that calls take is measured, also of those no rule is about: somebody
   * reads it. May be asked for more than once. Any thread.
   */
  public synchronized LatencyRecorders measure() {
    if (latencies == null) {
      latencies = new LatencyRecorders();
      watched = true;
      timeOwn();
    }
    return latencies;
  }

  /**
   * How long calls took, by the rules in force that go by it; empty while nobody {@link #measure
   * measures}. At most {@link LatencyRecorders#MAX_RULES}: those about calls to this service, which
   * come first, and those about the services that were called first. Any thread.
   */
  public synchronized List<RuleLatency> ruleLatencies() {
    List<RuleLatency> all = new ArrayList<RuleLatency>();
    if (latencies != null) {
      RulesInForce s = snapshot;
      if (s.own() != null) {
        s.own().timedServer(listing(service, "server", all));
      }
      for (ServicePlan p : s.plans()) {
        p.timedClient(listing(p.service, "client", all));
      }
      ruleRoom.set(LatencyRecorders.MAX_RULES - all.size()); // some may be gone
    }
    return all;
  }

  private static TimedRule.Each listing(String service, String side, List<RuleLatency> all) {
    return (kind, id, slow, rule) -> {
      LatencyRecorder l = rule.latency();
      if (l != null) {
        all.add(new RuleLatency(service, side, kind, id, slow, l));
      }
    };
  }

  /** Rules about calls to this service are timed from the start, those about others once called. */
  private void timeOwn() {
    if (latencies == null) {
      return;
    }
    ruleLatencies(); // counts
    ServicePlan own = snapshot.own();
    if (own != null) {
      own.timedServer(timing);
    }
  }

  /**
   * The first call to a service under this plan. No lock: at worst two count for one for a while.
   */
  private LatencyRecorder called(ServicePlan plan, LatencyRecorders all) {
    LatencyRecorder l = all.target(plan.service);
    if (!all.isOthers(l)) {
      plan.timedClient(timing);
    }
    return l;
  }

  /**
   * From now on {@code witness} sees refusals and choices of instances, before all that are there:
   * the id it gives a decision is there when they see it. Any thread.
   */
  public synchronized void show(Witness witness) {
    Witness[] more = new Witness[witnesses.length + 1];
    more[0] = witness;
    System.arraycopy(witnesses, 0, more, 1, witnesses.length);
    witnesses = more;
  }

  /** The same, after all others and without keeping it alive: it belongs to an application. */
  public synchronized void showWeakly(Witness witness) {
    Witness[] more = Arrays.copyOf(witnesses, witnesses.length + 1);
    more[witnesses.length] = new Fading(this, witness);
    witnesses = more;
  }

  synchronized void hide(Witness witness) {
    List<Witness> left = new ArrayList<Witness>(Arrays.asList(witnesses));
    left.remove(witness);
    witnesses = left.toArray(new Witness[0]);
  }

  /** How long calls took, or null: nobody has asked to {@link #measure}. */
  public @Nullable LatencyRecorders latencies() {
    return latencies;
  }

  /** Whether inbound calls are looked at at all: lets an adapter skip its own set-up. */
  public boolean governsInbound() {
    RulesInForce s = snapshot;
    return (s.own() != null || watched) && !s.book().off;
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
    RulesInForce s = snapshot;
    ServicePlan plan = s.own();
    LatencyRecorders measures = latencies;
    if (plan == null && !watched || s.book().off) {
      ledger.begin(0, null);
      return true;
    }
    long now = ticker.read();
    ledger.begin(now, signals);
    RateLimiters limits = plan == null ? null : plan.server;
    if (limits != null) {
      if (ports.anyManagement() && ports.isManagement(source.localPort(call))) {
        ledger.management();
        exemptManagement.increment();
      }
      exempt(source, call, ledger, exemptIn);
    }
    boolean admitted = limits == null || limits.admit(source, call, now, ledger);
    if (measures != null) {
      measure(measures, measures.server(), admitted, source, call, now, ledger);
    }
    if (!admitted) {
      tell(ledger, service, true, source, call, now);
    }
    return admitted;
  }

  /** Counts a refused call and an admitted one's decision; what it takes is counted as it ends. */
  private <C> void measure(
      LatencyRecorders all,
      LatencyRecorder latency,
      boolean admitted,
      AttributeSource<C> source,
      C call,
      long now,
      CallLedger ledger) {
    int kind = CallTags.begun(source.grpc(), source.grpc() ? null : source.method(call));
    CallLedger.Recorder breaker = ledger.breaker();
    if (admitted) {
      ledger.measured(
          latency, breaker == null ? kind : CallTags.withCircuit(kind, breaker.circuit()));
      if (all.timesDecision()) {
        all.decided(ticker.read() - now);
      }
      return;
    }
    Refusal refusal = ledger.refused();
    kind =
        refusal.kind() == Refusal.Kind.LIMIT
            ? CallTags.withExceeded(kind)
            : refusal.kind() == Refusal.Kind.BREAKER
                ? CallTags.withCircuit(kind, CallTags.OPEN)
                : breaker == null ? kind : CallTags.withCircuit(kind, breaker.circuit());
    int outcome =
        source.grpc() ? Outcome.grpc(refusal.grpcStatus()) : Outcome.http(refusal.status());
    latency.record(CallTags.ended(kind, outcome), ticker.read() - now);
  }

  /** The plan for calls to {@code target}, or null: not governed, nothing to ask. */
  public @Nullable ServicePlan plan(String target) {
    RulesInForce s = snapshot;
    if (s.book().off) {
      return null;
    }
    ServicePlan plan = s.plan(target, ticker);
    return plan == null && latencies != null && target != null ? measured(target) : plan;
  }

  private @Nullable ServicePlan measured(String target) {
    ServicePlan p = measured.get(target);
    if (p == null && measured.size() < LatencyRecorders.MAX_TARGETS) {
      ServicePlan fresh = new ServicePlan(target, null, null, null, null, null);
      p = measured.putIfAbsent(target, fresh);
      p = p == null ? fresh : p;
    }
    return p;
  }

  /**
   * The plan for calls aimed at an address: its mapped service, else the host as the service's
   * name; or null.
   */
  public @Nullable ServicePlan plan(String host, int port) {
    return plan(targets.service(host, port));
  }

  /** A call from this JVM to the service of {@code plan}; see {@link #inbound}. */
  public <C> boolean outbound(
      ServicePlan plan, AttributeSource<C> source, C call, CallDecision decision) {
    CallLedger ledger = (CallLedger) decision;
    long now = ticker.read();
    ledger.begin(now, this);
    boolean admitted = decide(plan, source, call, now, ledger);
    LatencyRecorders measures = latencies;
    if (measures != null) {
      LatencyRecorder latency = plan.latency;
      if (latency == null) {
        latency = called(plan, measures);
        plan.latency = latency;
      }
      measure(measures, latency, admitted, source, call, now, ledger);
    }
    if (witnesses.length > 0 && (!admitted || ledger.instance() != null)) {
      tell(ledger, plan.service, false, source, call, now);
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
    for (Instance i : snapshot.book().instances(plan.service)) {
      if (i.port() == port && i.host().equals(host)) {
        return true;
      }
    }
    return false;
  }

  private <C> void tell(
      CallLedger ledger,
      String service,
      boolean inbound,
      AttributeSource<C> source,
      C call,
      long now) {
    for (Witness w : witnesses) {
      String id = w.decided(ledger, service, inbound, source, call, now);
      if (id != null) {
        ledger.named(id);
      }
    }
  }

  private <C> boolean decide(
      ServicePlan plan, AttributeSource<C> source, C call, long now, CallLedger ledger) {
    if (plan.client != null || plan.breakers != null) {
      exempt(source, call, ledger, exemptOut);
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

  /**
   * Whether colours matter to anybody now: some service has a routing rule or a canary. Lets an
   * adapter skip its own set-up.
   */
  public boolean colours() {
    RulesInForce s = snapshot;
    return s.carried() != null && !s.book().off;
  }

  /**
   * The traffic colour of a request that was just received. The adapter binds it with {@link
   * Colour#swap} while the request is worked on, and puts back what was there before.
   */
  public <C> Colour colour(AttributeSource<C> source, C call) {
    RulesInForce s = snapshot;
    return s.carried() == null || s.book().off ? Colour.NONE : s.carried().read(source, call);
  }

  /**
   * Headers that put the thread's colour on a call that leaves, and after them those of the
   * decision: name, value, name, value ... to be set in this order, each replacing what the call
   * has. Never null, must not be changed. A colour goes to registered instances and to hosts within
   * {@link PropagationScope}; strangers do not see it.
   *
   * @param decision the call's, after {@link #outbound}; null when its target is not governed
   */
  public <C> String[] headers(AttributeSource<C> source, C call, @Nullable CallDecision decision) {
    String[] routed = decision == null ? NO_HEADERS : decision.headers();
    RulesInForce s = snapshot;
    if (s.carried() == null || s.book().off) {
      return routed;
    }
    Colour colour = Colour.current();
    if (colour == Colour.NONE
        || (decision == null || decision.instance() == null)
            && !reach.includes(source.host(call))) {
      return routed;
    }
    String[] carried = s.carried().write(colour, source, call);
    if (routed.length == 0) {
      return carried;
    }
    String[] all = Arrays.copyOf(carried, carried.length + routed.length);
    System.arraycopy(routed, 0, all, carried.length, routed.length);
    return all;
  }

  /**
   * The name of this JVM's service if calls to an address are to carry it, in the header {@link
   * #CALLER}; else null. Only those are told who have a use for it: services with a rule that looks
   * at {@code caller}. A third party never is.
   */
  public @Nullable String callerFor(String host, int port) {
    RulesInForce s = snapshot;
    if (!s.anyAsksWhoCalls() || s.book().off) {
      return null;
    }
    String target = targets.service(host, port);
    return s.asksWhoCalls(target, reach.includes(host)) ? service : null;
  }

  @Override
  public void record(CallLedger ledger, int outcome, @Nullable Throwable thrown, long now) {
    Instance instance = ledger.instance();
    if (instance == null) {
      return;
    }
    Failure failure = Outcome.failure(outcome);
    if (failure == Failure.CANCELLED || failure == Failure.SHED || failure == Failure.LOCAL) {
      instance.callEnded();
    } else {
      instance.callEnded(outcome, now);
    }
  }

  @Override
  public void abandon(CallLedger ledger, long now) {
    if (ledger.instance() != null) {
      ledger.instance().callEnded();
    }
  }
}
