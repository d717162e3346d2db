package io.weir.agent.cli;

import io.weir.agent.admin.AdminAccess;
import io.weir.control.parse.RuleKey;
import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.HealthChecks;
import io.weir.engine.call.Refusal;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServiceAddresses;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.limit.RateLimiters;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.Rule;
import io.weir.engine.rules.RuleBook;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * What would happen to one request. The verdicts come from the agent's own engine, fed with the
 * rules as the agent would have them and a clock that stands still; this class only watches which
 * attributes a rule asks for, and so can say why it does not apply.
 */
@picocli.CommandLine.Command(
    footer = {
      "",
      "  weir explain order-service -X POST '/api/orders?userId=7' -H 'X-Region: cn-east'",
      "  weir explain order-service /api/orders --times 201     # the burst is used up",
      "  weir explain --decision k3f9-2n                        # what an X-Weir-Decision was about"
    })
final class ExplainCommand extends StoreCommand {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "SERVICE",
      description = "the service that is called")
  @Nullable String called;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "URL",
      description = "path and query, or a whole URL (default: /)")
  String url = "/";

  @Option(
      names = {"-X", "--method"},
      paramLabel = "METHOD",
      description = "default: GET; POST for gRPC")
  @Nullable String method;

  @Option(
      names = {"-H", "--header"},
      paramLabel = "'NAME: VALUE'",
      description = "may be given several times")
  List<String> headers = new ArrayList<String>();

  @Option(names = "--tag", paramLabel = "NAME=VALUE", description = "traffic colour")
  Map<String, String> tags = new LinkedHashMap<String, String>();

  @Option(names = "--client-ip", paramLabel = "IP", description = "address of the caller")
  @Nullable String clientIp;

  @Option(names = "--caller", paramLabel = "SERVICE", description = "who calls")
  @Nullable String caller;

  @Option(names = "--region", paramLabel = "REGION", description = "where the caller runs")
  @Nullable String region;

  @Option(names = "--zone", paramLabel = "ZONE", description = "where the caller runs")
  @Nullable String zone;

  @Option(names = "--grpc", description = "a gRPC call: URL is /package.Service/Method")
  boolean grpc;

  @Option(
      names = {"-n", "--times"},
      paramLabel = "N",
      description = "the same call so often at once; the last one is explained (default: 1)")
  int times = 1;

  @Option(
      names = "--decision",
      paramLabel = "ID",
      description = "instead: a decision that was made, by its X-Weir-Decision")
  @Nullable String decision;

  @Option(
      names = "--admin",
      paramLabel = "URL",
      description =
          "with --decision: admin endpoint of the instance (default: http://127.0.0.1:9464)")
  String admin = "http://127.0.0.1:9464";

  /** {@link #called}, once that is known to be there. */
  private String service = "";

  /** What the call was asked for, and what it was. */
  private final Map<String, String> asked = new LinkedHashMap<String, String>();

  /** Ids of the rules that the engine asks for this service. */
  private final Set<String> appliedBreakers = new HashSet<String>();

  private HealthChecks callersChecks = HealthChecks.DEFAULT;
  private HealthChecks serviceChecks = HealthChecks.DEFAULT;

  /** Why rules under {@code *} are not about the call; null: they are. */
  private @Nullable String spared;

  /** By its address, so that routing rules under {@code *} are not asked either. */
  private boolean sparedAddress;

  private final List<Object> steps = new ArrayList<Object>();
  private final List<String[]> rows = new ArrayList<String[]>();

  @SuppressWarnings("NullAway.Init") // set by run
  private DescribedCall call;

  private @Nullable String token() {
    try {
      return AdminAccess.token(config());
    } catch (IllegalArgumentException e) {
      throw new CliException(CliFault.USAGE, String.valueOf(e.getMessage()));
    }
  }

  @Override
  int run() {
    if (decision != null) {
      return RecordedDecision.explain(admin, decision, token(), out);
    }
    if (called == null) {
      throw new CliException(CliFault.USAGE, "SERVICE or --decision is needed");
    }
    service = called;
    if (times < 1 || times > 10_000_000) {
      throw new CliException(CliFault.USAGE, "--times is from 1 to 10000000");
    }
    call = described();
    rows.add(new String[] {"WHERE", "RULE", "SAYS", "WHY"});
    Map<String, Object> answer;
    List<String> doubts;
    try (RuleTree tree = peek()) {
      StoreView view = tree.view();
      RuleBook book = RuleBooks.of(view, out);
      String unknown = tree.hasStatus() ? KnownServices.of(view).unknown(service) : null;
      if (unknown != null) {
        out.say(out.ink(CliOutput.Ink.DOUBTFUL, "warning: ") + unknown);
      }
      answer = decide(view, book);
      answer.put("rules", steps);
      answer.put("breakers", FleetBreakers.in(view, service));
      doubts = Ungoverned.doubts(LiveInstances.members(view), service, caller);
      answer.put("doubts", doubts);
    }
    if (out.json) {
      out.json(answer);
    } else {
      if (rows.size() > 1) {
        out.table(rows);
      }
      String verdict = Json.text(answer, "verdict");
      out.line("");
      out.line(
          out.ink(verdict.equals("refused") ? CliOutput.Ink.BAD : CliOutput.Ink.GOOD, verdict)
              + ": "
              + Json.text(answer, "because"));
      for (String doubt : doubts) {
        out.line(out.ink(CliOutput.Ink.DOUBTFUL, "but") + ": " + doubt);
      }
    }
    out.next("weir simulate --service " + service + " access.log");
    return Exit.OK;
  }

  private DescribedCall described() {
    DescribedCall c = new DescribedCall();
    c.asked = asked;
    c.grpc = grpc;
    c.host = service;
    c.target(url);
    c.method = method != null ? method : grpc ? "POST" : "GET";
    c.clientIp = clientIp;
    c.caller = caller;
    c.tags = tags;
    for (String h : headers) {
      int colon = h.indexOf(':');
      if (colon < 1) {
        throw new CliException(
            CliFault.USAGE, "a header is written 'NAME: VALUE', not '" + h + "'");
      }
      c.header(h.substring(0, colon).trim(), h.substring(colon + 1).trim());
    }
    return c;
  }

  private Map<String, Object> decide(StoreView view, RuleBook book) {
    if (book.off || book.off(service)) {
      return verdict(
          "untouched",
          "the kill switch "
              + (book.off ? RuleKey.OFF : "/service/" + service + "/off")
              + " is set",
          null);
    }
    final long now = 0;
    List<LiveInstances.Member> members = LiveInstances.members(view);
    Infrastructure infrastructure = Infrastructure.of(members, caller, service, call);
    spared = infrastructure.why(call);
    String at = infrastructure.address;
    sparedAddress = at != null;
    Engine callers =
        new Engine(
            EngineOptions.of(caller == null ? "the-caller" : caller, () -> now)
                .locality(new Locality(region, zone))
                .addresses(
                    at == null
                        ? ServiceAddresses.NONE
                        : ServiceAddresses.of(Collections.singletonMap(service, at))));
    callers.exemptions().infrastructure(infrastructure.clients);
    Probes atCaller = caller == null ? null : Probes.of(members, caller);
    Probes atService = Probes.of(members, service);
    callersChecks = atCaller == null ? HealthChecks.DEFAULT : atCaller.checks;
    serviceChecks = atService.checks;
    mayBeProbe(atCaller);
    mayBeProbe(atService);
    callers.exemptions().healthChecks(callersChecks);
    callers.apply(book);
    Engine own = new Engine(EngineOptions.of(service, () -> now));
    own.exemptions().healthChecks(serviceChecks);
    own.apply(book);
    ServicePlan plan =
        at == null
            ? callers.plan(service)
            : callers.plan(
                at.substring(0, at.lastIndexOf(':')),
                Integer.parseInt(at.substring(at.lastIndexOf(':') + 1)));
    String fleet = plan == null ? "" : impose(view, plan);
    if (plan != null && plan.breakers() != null) {
      for (CircuitBreaker b : plan.breakers().all()) {
        appliedBreakers.add(b.id());
      }
    }
    CallDecision out = callers.newDecision();
    CallDecision in = own.newDecision();
    boolean admitted = true;
    int refusedAt = 0;
    for (int i = 1; i <= times; i++) {
      out = callers.newDecision();
      in = own.newDecision();
      admitted =
          (plan == null || callers.outbound(plan, call.outbound(), call, out))
              && own.inbound(DescribedCall.INBOUND, call, in);
      if (!admitted && refusedAt == 0) {
        refusedAt = i;
      }
    }
    CallDecision refused = out.refusal() != null ? out : in;
    Refusal refusal = refused.refusal();
    limits(book, RateLimitRule.Side.CLIENT, call.outbound(), refusal);
    breakers(book, refusal, fleet);
    routes(book, out, refusal);
    limits(book, RateLimitRule.Side.SERVER, DescribedCall.INBOUND, refusal);
    disabled(view);
    String nth = times == 1 ? "" : "call " + times + " of " + times + " at once: ";
    if (admitted || refusal == null) {
      return verdict("admitted", nth + admittedBecause(out, in), null);
    }
    Map<String, Object> v =
        verdict(
            "refused",
            nth
                + refusal.description()
                + ", answer "
                + refusal.status()
                + (refused.retryAfterNanos() > 0
                    ? ", Retry-After " + refused.retryAfterSeconds()
                    : "")
                + (times > 1 ? "; the first refused is call " + refusedAt : ""),
            refusal.ruleId());
    v.put("status", refusal.status());
    v.put("first_refused", refusedAt);
    return v;
  }

  private static Map<String, Object> verdict(
      String verdict, String because, @Nullable String rule) {
    return Json.object("verdict", verdict, "because", because, "decided_by", rule);
  }

  private static String admittedBecause(CallDecision out, CallDecision in) {
    long wait = Math.max(out.waitNanos(), in.waitNanos());
    return (wait > 0 ? "after a paced wait of " + wait / 1_000_000 + " ms, " : "")
        + (out.instance() == null
            ? "goes where the application aims it"
            : "goes to "
                + out.instance()
                + (out.instance().version() == null ? "" : " (" + out.instance().version() + ")")
                + (out.arm() == null ? "" : " by arm " + out.arm()));
  }

  /** Puts the fleet's breakers into the state etcd tells; returns what to say about them. */
  private String impose(StoreView view, ServicePlan plan) {
    if (plan.breakers() == null) {
      return "";
    }
    int shared = 0;
    for (CircuitBreaker b : plan.breakers().all()) {
      shared += b.rule().fleet && !b.rule().shadow ? 1 : 0;
    }
    StringBuilder said = new StringBuilder();
    for (CircuitBreaker b : plan.breakers().all()) {
      if (b.rule().fleet && !b.rule().shadow) {
        boolean plain = shared == 1 || b.id().equals("default");
        b.force(FleetBreakers.force(view, service, b.id(), plain));
        for (Map<String, Object> told : FleetBreakers.in(view, service)) {
          if (Json.text(told, "target").equals(plain ? service : service + "@" + b.id())) {
            impose(b, told, said);
          }
        }
      }
    }
    return said.toString();
  }

  private static void impose(CircuitBreaker b, Map<String, Object> told, StringBuilder said) {
    String is = FleetBreakers.state(told);
    if (is.equals("open")) {
      b.imposeOpen(Json.number(told, "epoch"), 0, b.rule().openNanos, true, 0);
    } else if (is.equals("half-open")) {
      b.imposeWaiting(Json.number(told, "epoch"), 0, 0);
    }
    String why = FleetBreakers.why(told);
    said.append(said.length() == 0 ? "the fleet says " : "; ")
        .append(is)
        .append(why.isEmpty() ? "" : ": " + why);
    String sides = FleetBreakers.bothSides(told);
    said.append(sides.isEmpty() ? "" : "; " + sides);
  }

  private void limits(
      RuleBook book,
      RateLimitRule.Side side,
      AttributeSource<DescribedCall> source,
      @Nullable Refusal refusal) {
    String where = side == RateLimitRule.Side.CLIENT ? "caller" : "service";
    for (int pass = 0; pass < 2; pass++) {
      for (RateLimitRule r : book.limits(service)) {
        // as the engine asks: keyed rules before global ones
        if (r.side != side || r.by.isEmpty() != (pass == 1)) {
          continue;
        }
        if (exempt(where, r, source)) {
          continue;
        }
        String miss = miss(r.match, source);
        String rate = rate(r);
        if (miss != null) {
          step(where, r, "does not apply", miss, false);
          continue;
        }
        String key = key(r, source);
        boolean refuses = decided(refusal, Refusal.Kind.LIMIT, r);
        step(
            where,
            r,
            refuses ? "refuses" : !r.shadow ? "admits" : counts(r, source),
            rate + key + (r.shadow ? " (mode shadow)" : ""),
            refuses);
      }
    }
  }

  /** Says what is not known, of calls that could be health checks. */
  private void mayBeProbe(@Nullable Probes probes) {
    if (probes != null
        && probes.doubt != null
        && ("GET".equals(call.method) || "HEAD".equals(call.method))) {
      out.say(out.ink(CliOutput.Ink.DOUBTFUL, "note: ") + probes.doubt);
    }
  }

  private boolean exempt(String where, Rule r, AttributeSource<DescribedCall> source) {
    if (where.equals("caller") && r.isDefault() && spared != null) {
      step(where, r, "exempt", spared, false);
      return true;
    }
    HealthChecks checks = where.equals("caller") ? callersChecks : serviceChecks;
    if (r.includeHealth || !checks.include(source, call)) {
      return false;
    }
    step(where, r, "exempt", "a health check, and include_health is false", false);
    return true;
  }

  private static String rate(RateLimitRule r) {
    String most =
        r.maxConcurrent == 0
            ? ""
            : "at most "
                + r.maxConcurrent
                + " under way at once"
                + (r.adaptive == null ? "" : ", adaptive from " + r.adaptive.min);
    if (!r.rated) {
      return most;
    }
    return number(r.qps)
        + " qps, burst "
        + r.burst
        + (r.auto == null
            ? ""
            : ", tuned between " + number(r.auto.minQps) + " and " + number(r.auto.maxQps))
        + (most.isEmpty() ? "" : ", " + most);
  }

  /** What a rule in shadow mode makes of the last call. */
  private String counts(RateLimitRule r, AttributeSource<DescribedCall> source) {
    RateLimiters alone =
        Objects.requireNonNull(RateLimiters.build(null, Collections.singletonList(r), r.side, 0));
    long[] exceeded = new long[2];
    CallLedger ledger = new CallLedger();
    for (int i = 0; i < times; i++) {
      alone.read((rule, hits, over, keys, overflowed) -> exceeded[0] = over);
      ledger.begin(0, null);
      alone.admit(source, call, 0, ledger);
    }
    alone.read((rule, hits, over, keys, overflowed) -> exceeded[1] = over);
    return exceeded[1] > exceeded[0] ? "would refuse" : "counts only";
  }

  private String key(RateLimitRule r, AttributeSource<DescribedCall> source) {
    StringBuilder s = new StringBuilder();
    for (Attribute a : r.by) {
      String v = a.read(source, call);
      if (v == null) {
        return ", has no "
            + a
            + ": "
            + (r.onMissing == RateLimitRule.OnMissing.SKIP
                ? "skipped"
                : r.onMissing == RateLimitRule.OnMissing.REJECT
                    ? "refused for that"
                    : "shares one bucket with all that have none");
      }
      s.append(s.length() == 0 ? ", bucket of " : " ").append(a).append('=').append(v);
    }
    return s.toString();
  }

  private void breakers(RuleBook book, @Nullable Refusal refusal, String fleet) {
    boolean taken = false;
    for (CircuitBreakerRule r : book.breakers(service)) {
      if (exempt("caller", r, call.outbound())) {
        continue;
      }
      String miss =
          taken
              ? "an earlier rule applies already"
              : !isApplied(r)
                  ? "under * it is about registered, declared and internal names; hosts: any"
                  : miss(r.match, call.outbound());
      if (miss != null) {
        step("caller", r, "does not apply", miss, false);
        continue;
      }
      taken = true;
      boolean refuses = decided(refusal, Refusal.Kind.BREAKER, r);
      String why =
          r.force == CircuitBreakerRule.Force.NONE
              ? fleet.isEmpty() ? untilWhen(r) : fleet
              : "forced " + r.force.name().toLowerCase(java.util.Locale.ROOT);
      step(
          "caller",
          r,
          refuses ? "refuses" : r.shadow ? "counts only" : "admits",
          why + (r.shadow ? " (mode shadow)" : ""),
          refuses);
    }
  }

  /** A rule under {@code *} is not about every host. */
  private boolean isApplied(CircuitBreakerRule r) {
    return !r.service.equals("*") || appliedBreakers.contains(r.id);
  }

  /** What opens a closed breaker, and for whom. */
  private static String untilWhen(CircuitBreakerRule r) {
    String lasting = r.minNanos == 0 ? "" : " over " + number(r.minNanos / 1e9) + " s or more";
    return "closed until "
        + number(100 * r.failureRatio)
        + " % of "
        + r.minCalls
        + " calls or more fail"
        + lasting
        + (!r.fleet || r.statusNamed ? "" : "; a plain 500 opens it for one instance only");
  }

  private void routes(RuleBook book, CallDecision decision, @Nullable Refusal refusal) {
    List<RouteRule> rules = book.routes(service);
    RouteRule decided = null;
    for (int i = 0; i < rules.size(); i++) {
      RouteRule r = rules.get(i);
      if (decided != null) {
        step("caller", r, "not asked", "routing rule " + decided.id + " decides", false);
      } else if (route(r, i == rules.size() - 1, book, decision, refusal)) {
        decided = r;
      }
    }
  }

  /** True: this rule decides, the later ones are not asked. */
  private boolean route(
      RouteRule r, boolean last, RuleBook book, CallDecision decision, @Nullable Refusal refusal) {
    if (sparedAddress && r.isDefault()) {
      step("caller", r, "exempt", String.valueOf(spared), false);
      return false;
    }
    String miss = miss(r.match, call.outbound());
    if (miss != null) {
      step("caller", r, "does not apply", miss, false);
      return false;
    }
    boolean refuses = decided(refusal, Refusal.Kind.ROUTE, r);
    int live = book.instances(service).size();
    String chosen = null;
    for (int i = 0; i < r.routes.size(); i++) {
      RouteRule.Route row = r.routes.get(i);
      String where = "routes[" + i + "]";
      if (chosen != null) {
        step("caller", "route " + r.id + " " + where, "not asked", "an earlier row matches", false);
        continue;
      }
      String no = miss(row.match, call.outbound());
      if (no != null) {
        step("caller", "route " + r.id + " " + where, "does not apply", no, false);
      } else {
        chosen = where;
        step("caller", "route " + r.id + " " + where, "matches", arms(row.to), false);
      }
    }
    if (chosen == null && !r.defaults.isEmpty()) {
      step("caller", "route " + r.id + " default", "matches", arms(r.defaults), false);
    } else if (chosen == null && !last) {
      step("caller", r, "does not decide", "no row matches and it has no default", false);
      return false;
    }
    String why =
        live == 0
            ? "no instance of " + service + " is registered: calls stay as the application aims"
            : decision.instance() != null
                ? "picks "
                    + decision.instance()
                    + (decision.arm() == null ? "" : ", " + decision.arm())
                : refuses ? "no live instance and no fallback" : live + " instances live";
    step("caller", r, refuses ? "refuses" : r.shadow ? "counts only" : "routes", why, refuses);
    return true;
  }

  private static String arms(List<RouteRule.Arm> arms) {
    StringBuilder s = new StringBuilder();
    for (RouteRule.Arm a : arms) {
      s.append(s.length() == 0 ? "" : ", ").append(a.version == null ? "any" : a.version);
      s.append(a.labels.isEmpty() ? "" : " " + a.labels).append(" weight ").append(a.weight);
    }
    return s.toString();
  }

  /** Rules that are there but switched off, and defaults that the service's own push aside. */
  private void disabled(StoreView view) {
    for (Documents.Document d : Documents.in(view).byKey.values()) {
      boolean own = d.key.service.equals(service);
      if (!d.key.kind.isRule() || !own && !d.key.service.equals("*")) {
        continue;
      }
      for (Rule r : d.parse().rules) {
        if (!r.enabled) {
          step(own ? "-" : "default", r, "disabled", "enabled: false in " + d.origin, false);
        } else if (!own && ownsKind(view, d.key)) {
          step("default", r, "not used", service + " has rules of its own", false);
        }
      }
    }
  }

  private boolean ownsKind(StoreView view, RuleKey def) {
    String key = "/service/" + service + "/" + def.kind.word;
    return view.get(key) != null || !view.under(key + "/").isEmpty();
  }

  private static boolean decided(@Nullable Refusal refusal, Refusal.Kind kind, Rule r) {
    return refusal != null && refusal.kind() == kind && refusal.ruleId().equals(r.id);
  }

  /** Why the expression does not hold: the last attribute it asked for decided; null: it holds. */
  private @Nullable String miss(MatchExpression match, AttributeSource<DescribedCall> source) {
    asked.clear();
    if (match.test(source, call)) {
      return null;
    }
    String last = null;
    for (Map.Entry<String, String> a : asked.entrySet()) {
      last = a.getKey() + (a.getValue() == null ? " is absent" : " is '" + a.getValue() + "'");
    }
    return last == null ? match.toString() : last + ", wanted " + match;
  }

  private void step(String where, Rule r, String says, String why, boolean decides) {
    step(where, kind(r) + " " + r.id, says, why, decides);
  }

  private void step(String where, String rule, String says, String why, boolean decides) {
    steps.add(
        Json.object("where", where, "rule", rule, "says", says, "why", why, "decides", decides));
    rows.add(new String[] {where, rule, decides ? out.ink(CliOutput.Ink.BAD, says) : says, why});
  }

  private static String kind(Rule r) {
    return r instanceof RateLimitRule
        ? "rate-limit"
        : r instanceof CircuitBreakerRule ? "circuit-breaker" : "route";
  }

  static String number(double d) {
    return d == Math.rint(d) && Math.abs(d) < 1e15 ? Long.toString((long) d) : Double.toString(d);
  }
}
