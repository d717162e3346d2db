package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.parse.RuleProblem;
import io.weir.engine.breaker.OutcomeClassifier;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.RefusalResponse;
import io.weir.engine.instances.Instance;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.Rule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Finds rules that are valid and probably a mistake. An <em>error</em> is a rule that refuses calls
 * as soon as it is in force, or a switch that ends all governing; everything else is a warning.
 *
 * <p>One thread.
 */
final class Lint {
  /** One remark. Immutable. */
  static final class Finding {
    /** To look it up by: {@code deny-all}. */
    final String name;

    final Documents.Document document;

    /** The rule's id, empty for a key that is no rule. */
    final String rule;

    final String text;
    final boolean error;

    /** Tells it from other findings; the same before and after a change that does not touch it. */
    private final String identity;

    /** The share of the calls it is about, 0 to 1. */
    private final double share;

    Finding(
        String name,
        Documents.Document document,
        String rule,
        String text,
        boolean error,
        String detail,
        double share) {
      this.name = name;
      this.document = document;
      this.rule = rule;
      this.text = text;
      this.error = error;
      this.identity = name + ' ' + document.key.key + ' ' + rule + ' ' + detail;
      this.share = share;
    }
  }

  private final Documents all;
  private final @Nullable KnownServices known;
  private final List<Finding> findings = new ArrayList<Finding>();

  private Lint(Documents all, @Nullable KnownServices known) {
    this.all = all;
    this.known = known;
  }

  /**
   * Looks at some documents.
   *
   * @param keys which documents; others are only looked up
   * @param known the services and instances to compare with, or null: not compared
   */
  static List<Finding> of(Documents all, Iterable<String> keys, @Nullable KnownServices known) {
    Lint lint = new Lint(all, known);
    for (String key : keys) {
      Documents.Document d = all.byKey.get(key);
      if (d != null) {
        lint.look(d);
      }
    }
    return lint.findings;
  }

  /** Errors that a change brings: those it adds, and those that get a larger share of the calls. */
  static List<Finding> newErrors(List<Finding> before, List<Finding> after) {
    Map<String, Double> old = new LinkedHashMap<String, Double>();
    for (Finding f : before) {
      if (f.error) {
        old.put(f.identity, f.share);
      }
    }
    List<Finding> fresh = new ArrayList<Finding>();
    for (Finding f : after) {
      Double was = old.get(f.identity);
      if (f.error && (was == null || f.share > was)) {
        fresh.add(f);
      }
    }
    return fresh;
  }

  private void look(Documents.Document d) {
    if (d.key.kind == RuleKey.Kind.OFF || d.key.kind == RuleKey.Kind.SERVICE_OFF) {
      findings.add(
          new Finding(
              "switched-off",
              d,
              "",
              d.key.kind == RuleKey.Kind.OFF
                  ? "switches every rule of every service off"
                  : "switches every rule of " + who(d) + " off",
              true,
              "",
              1));
    }
    if (d.key.kind == RuleKey.Kind.FORCE) {
      force(d);
    }
    if (!d.key.kind.isRule()) {
      return;
    }
    if (known != null) {
      String unknown = known.unknown(d.key.service);
      if (unknown != null) {
        warn("nobody-known", d, "", unknown);
      }
    }
    RuleParser.Parsed parsed = d.parse();
    for (RuleProblem p : parsed.problems) {
      warn(p.code.toString(), d, "", p.toString());
    }
    for (Rule r : parsed.rules) {
      look(d, r);
    }
  }

  private void force(Documents.Document d) {
    CircuitBreakerRule.Force force = RuleParser.force(d.text);
    String whose = d.key.id.isEmpty() ? "" : ", by rule " + d.key.id;
    if (force == CircuitBreakerRule.Force.OPEN) {
      findings.add(
          new Finding(
              "forced",
              d,
              "",
              "forces the fleet's breaker open: every call to " + who(d) + " is refused" + whose,
              !all.byKey.containsKey(RuleKey.OFF)
                  && !all.byKey.containsKey(RuleKey.SERVICE + d.key.service + "/off"),
              "",
              1));
    } else if (force == CircuitBreakerRule.Force.CLOSED) {
      warn("forced", d, "", "the fleet's breaker never opens until this key is deleted");
    }
  }

  private void look(Documents.Document d, Rule r) {
    if (!r.enabled) {
      warn("disabled", d, r.id, "is there and does nothing: enabled is false");
    }
    if (r.match != MatchExpression.ALWAYS && r.match.toString().contains("matches '.*'")) {
      warn("match-all", d, r.id, "matches '.*' holds whenever the attribute is present");
    }
    if (r instanceof RateLimitRule) {
      limit(d, (RateLimitRule) r);
    } else if (r instanceof CircuitBreakerRule) {
      breaker(d, (CircuitBreakerRule) r);
    } else {
      route(d, (RouteRule) r);
    }
  }

  private void limit(Documents.Document d, RateLimitRule r) {
    boolean everyCall = covers(r.match, r.side == RateLimitRule.Side.CLIENT);
    if (r.rated && r.qps == 0 && r.auto == null) {
      if (everyCall) {
        close("deny-all", d, r, "qps 0 refuses every call to " + who(d));
      } else {
        warn("deny-some", d, r.id, "qps 0 refuses every call that it matches");
      }
    } else if (r.rated && r.qps < 1 && r.auto == null && r.by.isEmpty() && everyCall) {
      warn("hardly-any", d, r.id, "less than one call a second passes");
    }
    if (r.onMissing == RateLimitRule.OnMissing.REJECT && !r.by.isEmpty()) {
      warn("rejects-missing", d, r.id, "every call without " + r.by + " is refused");
    }
    if (r.maxWaitNanos > 30_000_000_000L) {
      warn("long-wait", d, r.id, "a call may wait " + r.maxWaitNanos / 1_000_000_000L + " s");
    }
    success(d, r, r.response);
    if (r.maxConcurrent == 1 && everyCall) {
      warn("one-at-a-time", d, r.id, "max_concurrent 1: one call at a time in each instance");
    }
    if (r.maxConcurrent > 0 && r.match == MatchExpression.ALWAYS) {
      warn(
          "streams-hold-places",
          d,
          r.id,
          "a stream (server-sent events, gRPC) holds a place of max_concurrent for as long as it"
              + " lasts; if the service has streams, leave them out with match");
    }
    if (r.qps > 0 && r.burst > r.qps * 60) {
      warn("burst-of-a-minute", d, r.id, "the burst is more than a minute's worth of qps");
    }
    if (!r.by.isEmpty() && !capped(d.key.service, r)) {
      for (Attribute a : r.by) {
        if (!a.toString().equals("path") && !a.toString().equals("method")) {
          warn(
              "unbounded-keys",
              d,
              r.id,
              a
                  + " is the caller's to choose, and there is no global limit as well: who varies"
                  + " it gets up to "
                  + r.maxKeys
                  + " buckets");
          break;
        }
      }
      if (r.by.toString().contains("path")) {
        warn("path-as-key", d, r.id, "paths with ids in them make a bucket each");
      }
    }
  }

  /** Whether some limit of the service, own or in the same text, is global. */
  private boolean capped(String service, RateLimitRule keyed) {
    for (Documents.Document d : all.byKey.values()) {
      if (d.key.kind == RuleKey.Kind.LIMIT && d.key.service.equals(service)) {
        for (Rule r : d.parse().rules) {
          RateLimitRule l = (RateLimitRule) r;
          if (l.by.isEmpty() && l.enabled && !l.shadow && l.side == keyed.side) {
            return true;
          }
        }
      }
    }
    return false;
  }

  private void breaker(Documents.Document d, CircuitBreakerRule r) {
    boolean everyCall = covers(r.match, true);
    if (r.force == CircuitBreakerRule.Force.OPEN && everyCall) {
      close("forced", d, r, "force: open refuses every call to " + who(d));
    } else if (r.force != CircuitBreakerRule.Force.NONE) {
      warn(
          "forced",
          d,
          r.id,
          "forced "
              + r.force.name().toLowerCase(Locale.ROOT)
              + "; it stays so until the rule says none");
    }
    if (r.force == CircuitBreakerRule.Force.NONE && everyCall && recordsSuccess(r)) {
      close(
          "success-is-failure",
          d,
          r,
          "record.status counts 200 as a failure: it opens for " + who(d) + " on good answers");
    }
    if (r.failureRatio * r.minCalls < 1) {
      warn("one-failure-opens", d, r.id, "one failure among " + r.minCalls + " calls opens it");
    }
    if (r.slowCallNanos > 0 && r.slowCallNanos <= 2_000_000L) {
      warn("all-slow", d, r.id, "most calls take longer than slow_call_ms");
    }
    if (r.countWindow && r.minCalls > r.windowSize) {
      warn(
          "min-calls",
          d,
          r.id,
          "min_calls " + r.minCalls + " is more than the window holds, " + r.windowSize);
    }
    if (r.fleet && !r.shadow && r.quorum == 1 && r.quorumShare == 0) {
      warn(
          "one-witness",
          d,
          r.id,
          "quorum 1: one sick caller opens it for all; with quorum auto the others may contradict");
    }
    if (r.openNanos > 3600 * 1_000_000_000L) {
      warn("long-open", d, r.id, "an open breaker refuses for more than an hour before it probes");
    }
    success(d, r, r.response);
    if (r.minNanos == 0 && r.force == CircuitBreakerRule.Force.NONE) {
      warn(
          "short-evidence",
          d,
          r.id,
          "min_seconds 0: a burst of failures within milliseconds opens it"
              + (r.fleet ? " for every caller" : ""));
    }
    if (r.fleet
        && r.statusNamed
        && new OutcomeClassifier(r).classify(Outcome.http(500), null)
            == OutcomeClassifier.FAILURE) {
      warn(
          "fleet-500",
          d,
          r.id,
          "record.status names 500 under sharing: fleet: answers to one user's bad input open it"
              + " for every caller");
    }
    if (r.openNanos < 1_000_000_000L) {
      warn("short-open", d, r.id, "under a second open, the target gets no rest");
    }
  }

  private void success(Documents.Document d, Rule r, RefusalResponse response) {
    if (response.status >= 200 && response.status < 300) {
      warn(
          "looks-well", d, r.id, "a refused call looks like a good one: status " + response.status);
    }
  }

  private static boolean recordsSuccess(CircuitBreakerRule r) {
    for (String s : r.recordStatus) {
      boolean range = s.length() == 7;
      if (s.equals("2xx")
          || s.equals("200")
          || range
              && s.substring(0, 3).compareTo("200") <= 0
              && s.substring(4).compareTo("200") >= 0) {
        return !r.ignoreStatus.contains("2xx") && !r.ignoreStatus.contains("200");
      }
    }
    return false;
  }

  private void route(Documents.Document d, RouteRule r) {
    boolean covered = false;
    for (int i = 0; i < r.routes.size(); i++) {
      RouteRule.Route row = r.routes.get(i);
      String where = "routes[" + i + "]";
      if (covered) {
        warn("unreachable-row", d, r.id, where + " is never asked");
      }
      covered |= row.match == MatchExpression.ALWAYS;
      boolean table = row.ab != null || hasMatches(row.to);
      arms(d, r, where, row.to, table || row.fallback != RouteRule.Fallback.NONE);
      if (row.to.size() > 1 && row.sticky == null && row.ab == null && !table) {
        warn("not-sticky", d, r.id, where + " draws for each call; one user sees several versions");
      }
      if (row.timeoutNanos > 0 && row.timeoutNanos <= 5_000_000L) {
        warn("short-timeout", d, r.id, where + " gives a call 5 ms or less");
      }
    }
    arms(d, r, "default", r.defaults, false);
  }

  private static boolean hasMatches(List<RouteRule.Arm> arms) {
    for (RouteRule.Arm a : arms) {
      if (a.match != null) {
        return true;
      }
    }
    return false;
  }

  private void arms(
      Documents.Document d,
      RouteRule r,
      String where,
      List<RouteRule.Arm> arms,
      boolean fallsBack) {
    long sum = 0;
    for (RouteRule.Arm a : arms) {
      sum += a.weight;
    }
    if (arms.size() > 1 && sum != 100 && sum != 1_000_000 && !hasMatches(arms)) {
      warn(
          "weights-sum",
          d,
          r.id,
          where + ": weights sum to " + sum + ", so they are no percentages");
    }
    if (known == null) {
      return;
    }
    for (String service : governed(d.key.service)) {
      List<Instance> live = known.instances(service);
      for (RouteRule.Arm a : arms) {
        if (a.weight > 0 && !live.isEmpty() && !KnownServices.runs(live, a)) {
          findings.add(
              new Finding(
                  "nobody-runs",
                  d,
                  r.id,
                  where
                      + (fallsBack ? "" : ": " + Math.round(100.0 * a.weight / sum) + " % of calls")
                      + ": no live instance of "
                      + service
                      + " is "
                      + name(a)
                      + "; there "
                      + KnownServices.versions(live),
                  acts(d, r) && !fallsBack,
                  where + ' ' + service + ' ' + name(a),
                  (double) a.weight / sum));
        }
      }
    }
  }

  /** The service, or of defaults those that are registered and have no route of their own. */
  private Set<String> governed(String service) {
    Set<String> services = new TreeSet<String>();
    if (!service.equals("*")) {
      services.add(service);
    } else if (known != null) {
      services.addAll(known.registered());
      for (Documents.Document d : all.byKey.values()) {
        if (d.key.kind == RuleKey.Kind.ROUTE) {
          services.remove(d.key.service);
        }
      }
    }
    return services;
  }

  private static String name(RouteRule.Arm a) {
    return a.version == null
        ? "labelled " + a.labels
        : a.labels.isEmpty() ? a.version : a.version + " labelled " + a.labels;
  }

  private static String who(Documents.Document d) {
    return d.key.service.equals("*") ? "every service without a rule of its own" : d.key.service;
  }

  /**
   * Whether a match holds for calls that have nothing in common, without being written as a match
   * of every call: {@code path startsWith '/'}.
   */
  private static boolean covers(MatchExpression match, boolean outbound) {
    if (match == MatchExpression.ALWAYS) {
      return true;
    }
    AttributeSource<DescribedCall> source =
        outbound ? DescribedCall.OUTBOUND : DescribedCall.INBOUND;
    for (DescribedCall c : Arrays.asList(call("GET", "/"), call("POST", "/api/orders/17?user=7"))) {
      if (!match.test(source, c)) {
        return false;
      }
    }
    return true;
  }

  private static DescribedCall call(String method, String target) {
    DescribedCall c = new DescribedCall();
    c.method = method;
    c.target(target);
    c.host = "host-of-" + method;
    c.clientIp = method.equals("GET") ? "10.1.2.3" : "192.0.2.77";
    c.caller = "caller-" + method;
    return c;
  }

  private void close(String name, Documents.Document d, Rule r, String text) {
    findings.add(new Finding(name, d, r.id, text, acts(d, r), "", 1));
  }

  /** Whether the rule does what it says: it is enabled, not in shadow mode, not switched off. */
  private boolean acts(Documents.Document d, Rule r) {
    return r.enabled
        && !r.shadow
        && !all.byKey.containsKey(RuleKey.OFF)
        && !all.byKey.containsKey(RuleKey.SERVICE + d.key.service + "/off");
  }

  private void warn(String name, Documents.Document d, String rule, String text) {
    findings.add(new Finding(name, d, rule, text, false, "", 1));
  }
}
