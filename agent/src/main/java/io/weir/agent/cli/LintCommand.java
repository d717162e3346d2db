package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.parse.RuleProblem;
import io.weir.engine.call.Attribute;
import io.weir.engine.match.Match;
import io.weir.engine.rules.BreakerRule;
import io.weir.engine.rules.BreakerRule.Force;
import io.weir.engine.rules.LimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.Rule;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Rules that are valid but hardly meant. Each finding has a name, so that it can be looked up. */
@picocli.CommandLine.Command
final class LintCommand extends StoreCommand {
  @Parameters(
      paramLabel = "PATH",
      arity = "0..*",
      description = "files or directories (default: the rules where they stand)")
  List<String> paths = new ArrayList<String>();

  @Option(names = "--as", paramLabel = "KEY", description = "the rule key one file stands for")
  @Nullable String as;

  private final List<Object> findings = new ArrayList<Object>();

  @Override
  int run() throws IOException {
    View view = null;
    Documents documents;
    if (paths.isEmpty()) {
      try (Tree tree = peek()) {
        view = tree.view();
        documents = Documents.in(view);
      }
    } else {
      documents = Documents.at(paths, as);
    }
    for (Documents.Document d : documents.byKey.values()) {
      if (!d.key.kind.isRule()) {
        if (d.key.kind == RuleKey.Kind.OFF || d.key.kind == RuleKey.Kind.SERVICE_OFF) {
          found(d, "switched-off", "this key turns every rule it covers into a pass-through");
        }
        if (d.key.kind == RuleKey.Kind.FORCE && RuleParser.force(d.text) != Force.NONE) {
          found(d, "forced", "the fleet's breaker stays as this key says until it is deleted");
        }
        continue;
      }
      RuleParser.Parsed parsed = d.parse();
      for (RuleProblem p : parsed.problems) {
        found(d, p.code.toString(), p.toString());
      }
      for (Rule r : parsed.rules) {
        look(d, r, documents, view);
      }
    }
    if (out.json) {
      out.json(findings);
    }
    out.say(
        Out.count(documents.byKey.size(), "document")
            + ", "
            + (findings.isEmpty() ? "nothing to remark" : Out.count(findings.size(), "finding")));
    out.next(paths.isEmpty() ? "weir status" : "weir diff " + String.join(" ", paths));
    return findings.isEmpty() ? Exit.OK : Exit.FINDINGS;
  }

  private void look(Documents.Document d, Rule r, Documents all, @Nullable View view) {
    if (!r.enabled) {
      found(d, "disabled", r.id + " is there but does nothing: enabled is false");
    }
    if (r.match != Match.ALWAYS && r.match.toString().contains(" matches ")) {
      String m = r.match.toString();
      if (m.contains("matches '.*'")) {
        found(d, "match-all", r.id + ": matches '.*' holds whenever the attribute is present");
      }
    }
    if (r instanceof LimitRule) {
      limit(d, (LimitRule) r, all);
    } else if (r instanceof BreakerRule) {
      breaker(d, (BreakerRule) r);
    } else {
      route(d, (RouteRule) r, view);
    }
  }

  private void limit(Documents.Document d, LimitRule r, Documents all) {
    if (r.rated && r.qps == 0 && r.match == Match.ALWAYS) {
      found(d, "deny-all", r.id + ": qps 0 refuses every call");
    }
    if (r.qps > 0 && r.burst > r.qps * 60) {
      found(d, "burst-of-a-minute", r.id + ": the burst is more than a minute's worth of qps");
    }
    if (!r.by.isEmpty() && !capped(d.key.service, r, all)) {
      for (Attribute a : r.by) {
        if (!a.toString().equals("path") && !a.toString().equals("method")) {
          found(
              d,
              "unbounded-keys",
              r.id
                  + ": "
                  + a
                  + " is the caller's to choose, and no global limit stands behind: who varies it"
                  + " gets up to "
                  + r.maxKeys
                  + " buckets");
          break;
        }
      }
      if (r.by.toString().contains("path")) {
        found(d, "path-as-key", r.id + ": paths with ids in them make a bucket each");
      }
    }
  }

  /** Whether some limit of the service, own or in the same text, is global. */
  private static boolean capped(String service, LimitRule keyed, Documents all) {
    for (Documents.Document d : all.byKey.values()) {
      if (d.key.kind == RuleKey.Kind.LIMIT && d.key.service.equals(service)) {
        for (Rule r : d.parse().rules) {
          LimitRule l = (LimitRule) r;
          if (l.by.isEmpty() && l.enabled && !l.shadow && l.side == keyed.side) {
            return true;
          }
        }
      }
    }
    return false;
  }

  private void breaker(Documents.Document d, BreakerRule r) {
    if (r.force != BreakerRule.Force.NONE) {
      found(d, "forced", r.id + ": forced " + r.force + "; it stays so until the rule says none");
    }
    if (r.countWindow && r.minCalls > r.windowSize) {
      found(
          d,
          "min-calls",
          r.id + ": min_calls " + r.minCalls + " is more than the window holds, " + r.windowSize);
    }
    if (r.openNanos < 1_000_000_000L) {
      found(d, "short-open", r.id + ": under a second open, the target gets no rest");
    }
  }

  private void route(Documents.Document d, RouteRule r, @Nullable View view) {
    boolean covered = false;
    for (int i = 0; i < r.routes.size(); i++) {
      RouteRule.Route row = r.routes.get(i);
      if (covered) {
        found(d, "unreachable-row", r.id + ": routes[" + i + "] is never asked");
      }
      covered |= row.match == Match.ALWAYS;
      arms(d, r.id + ": routes[" + i + "]", row.to, view);
      if (row.to.size() > 1 && row.sticky == null && row.ab == null) {
        found(
            d,
            "not-sticky",
            r.id + ": routes[" + i + "] draws for each call; one user sees several versions");
      }
    }
    arms(d, r.id + ": default", r.defaults, view);
  }

  private void arms(
      Documents.Document d, String where, List<RouteRule.Arm> arms, @Nullable View view) {
    long sum = 0;
    for (RouteRule.Arm a : arms) {
      sum += a.weight;
    }
    if (arms.size() > 1 && sum != 100) {
      found(d, "weights-sum", where + ": weights sum to " + sum + ", so they are no percentages");
    }
    if (view == null) {
      return;
    }
    Set<String> live = CanaryCommand.liveVersions(view, d.key.service);
    for (RouteRule.Arm a : arms) {
      if (a.version != null && !live.isEmpty() && !live.contains(a.version) && a.weight > 0) {
        found(
            d, "nobody-runs", where + ": no live instance is " + a.version + "; there are " + live);
      }
    }
  }

  private void found(Documents.Document d, String name, String text) {
    findings.add(Json.object("finding", name, "key", d.key.key, "origin", d.origin, "text", text));
    if (!out.json) {
      out.line(d.origin + " " + out.ink(Out.Ink.DOUBTFUL, name) + " " + text);
    }
  }
}
