package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class StatusCommand extends StoreCommand {
  @Parameters(paramLabel = "SERVICE", arity = "0..1", description = "only this one")
  @Nullable String service;

  @Override
  int run() {
    try (RuleTree tree = peek()) {
      StoreView view = tree.view();
      boolean well = show(out, tree, view, service, false);
      if (!tree.hasStatus()) {
        out.say("instances that read files do not report back; their logs do");
        out.next("weir validate");
        return well ? Exit.OK : Exit.FINDINGS;
      }
      out.next(well ? "weir top" : "weir doctor");
      return well ? Exit.OK : Exit.NOT_CONVERGED;
    }
  }

  /** Shows it all; whether everything is as it should be. */
  static boolean show(
      CliOutput out, RuleTree tree, StoreView view, @Nullable String service, boolean latency) {
    List<Object> instances = new ArrayList<Object>();
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(
        row(
            latency,
            "SERVICE",
            "INSTANCE",
            "STATE",
            "REVISION",
            "AGENT",
            "RULES",
            "P50",
            "P99",
            "WHY"));
    List<String[]> calls = new ArrayList<String[]>();
    calls.add(new String[] {"FROM", "TO", "CALLS", "P50", "P99"});
    List<String[]> timed = new ArrayList<String[]>();
    timed.add(new String[] {"RULE", "AT", "CALLS", "SLOW", "P50", "P99"});
    List<String[]> tuned = new ArrayList<String[]>();
    tuned.add(new String[] {"AUTO", "AT", "QPS", "BOUNDS", "STEPS", "LAST STEP"});
    boolean well = true;
    long newest = LiveInstances.newestRule(view);
    List<LiveInstances.Member> members = LiveInstances.members(view);
    for (LiveInstances.Member m : members) {
      if (service != null && !service.equals(m.service)) {
        continue;
      }
      String state = m.state(newest);
      well &= state.equals("SYNCED");
      Map<String, Object> refusal = m.refusal(Collections.<String>emptyList());
      String why =
          refusal != null
              ? Json.text(refusal, "reason")
              : state.equals("STALE") ? "rules are at revision " + newest : m.off ? "off" : "";
      Map<String, Object> served = null;
      for (Map<String, Object> l :
          m.latency == null ? Collections.<Map<String, Object>>emptyList() : m.latency) {
        for (Map<String, Object> r : Json.objects(l, "rules")) {
          timed.add(
              new String[] {
                rule(Json.text(r, "kind"), Json.text(l, "service"), Json.text(r, "rule")),
                m.name(),
                Long.toString(Json.number(r, "calls")),
                r.containsKey("slow")
                    ? Json.number(r, "slow") + " over " + Json.number(r, "slow_ms") + " ms"
                    : "-",
                time(r, "p50_us"),
                time(r, "p99_us")
              });
        }
        if (Json.text(l, "side").equals("server")) {
          served = l;
        } else {
          calls.add(
              new String[] {
                m.name(),
                Json.text(l, "service"),
                Long.toString(Json.number(l, "calls")),
                time(l, "p50_us"),
                time(l, "p99_us")
              });
        }
      }
      for (Map<String, Object> a : m.auto) {
        boolean client = Json.text(a, "side").equals("client");
        if (client && !a.containsKey("to")) {
          continue; // every instance has the rule, few call that service
        }
        tuned.add(
            new String[] {
              rule("rate-limit", Json.text(a, "service"), Json.text(a, "rule"))
                  + (client ? " (client)" : ""),
              m.name(),
              Json.text(a, "qps"),
              Json.text(a, "min_qps") + " to " + Json.text(a, "max_qps"),
              Json.text(a, "steps"),
              lastStep(a)
            });
      }
      rows.add(
          row(
              latency,
              m.service,
              m.names(),
              ink(out, state),
              Long.toString(m.revision),
              m.agent,
              Integer.toString(m.rules.size()),
              time(served, "p50_us"),
              time(served, "p99_us"),
              why));
      instances.add(
          Json.object(
              "service",
              m.service,
              "instance",
              m.instance,
              "state",
              state,
              "why",
              why,
              "status",
              m.raw));
    }
    for (RuleKey k : LiveInstances.registered(view)) {
      boolean known = !tree.hasStatus() || service != null && !service.equals(k.service);
      for (LiveInstances.Member m : members) {
        known |= m.is(k.service, k.id);
      }
      if (!known) {
        rows.add(
            row(
                latency,
                k.service,
                k.id,
                "-",
                "",
                "",
                "",
                "-",
                "-",
                "registered, reports no status"));
        instances.add(
            Json.object("service", k.service, "instance", k.id, "state", "UNKNOWN", "why", ""));
      }
    }
    Documents documents = Documents.in(view);
    int refused = 0;
    for (Documents.Document d : documents.byKey.values()) {
      refused += d.key.kind.isRule() && d.parse().refusal() != null ? 1 : 0;
    }
    List<Map<String, Object>> breakers = FleetBreakers.in(view, service);
    if (out.json) {
      out.json(
          Json.object(
              "store",
              tree.name,
              "revision",
              view.revision,
              "newest_rule",
              newest,
              "rules",
              documents.byKey.size(),
              "rules_refused",
              refused,
              "off",
              view.get(RuleKey.OFF) != null,
              "instances",
              instances,
              "breakers",
              breakers));
      return well && refused == 0;
    }
    if (rows.size() > 1) {
      out.table(rows);
    } else if (tree.hasStatus()) {
      out.say("no instance reports under " + LiveInstances.STATUS);
    }
    if (latency && calls.size() > 1) {
      out.line("");
      out.table(calls);
    }
    if (latency && timed.size() > 1) {
      out.line("");
      out.table(timed);
    }
    if (tuned.size() > 1) {
      out.line("");
      out.table(tuned);
    }
    showBreakers(out, breakers);
    showUngoverned(out, Ungoverned.rows(members, service));
    if (tree.hasStatus()) {
      unknown(out, view, service, documents);
    }
    out.say(
        CliOutput.count(documents.byKey.size(), "rule")
            + " in "
            + tree.name
            + (tree.hasStatus() ? ", the newest of revision " + newest : "")
            + (refused > 0 ? ", " + out.ink(CliOutput.Ink.BAD, refused + " refused") : "")
            + (view.get(RuleKey.OFF) != null
                ? ", " + out.ink(CliOutput.Ink.BAD, "all switched off by " + RuleKey.OFF)
                : ""));
    return well && refused == 0;
  }

  /** Says of which services there are rules, but nobody of that name. */
  private static void unknown(
      CliOutput out, StoreView view, @Nullable String service, Documents documents) {
    KnownServices known = KnownServices.of(view);
    Set<String> names = new TreeSet<String>();
    if (service != null) {
      names.add(service);
    } else {
      for (Documents.Document d : documents.byKey.values()) {
        if (!d.key.service.isEmpty()) {
          names.add(d.key.service);
        }
      }
    }
    int said = 0;
    for (String name : names) {
      String unknown = known.unknown(name);
      if (unknown != null && said++ < 10) {
        out.say(
            out.ink(CliOutput.Ink.DOUBTFUL, "warning: ")
                + (service == null ? "there are rules for " + name + ", but " : "")
                + unknown);
      }
    }
    if (said > 10) {
      out.say("and " + (said - 10) + " more such services: weir lint");
    }
  }

  private static String rule(String kind, String service, String id) {
    return kind + " " + service + "/" + id;
  }

  /** What the rate was, what it became and why; or what it waits for. */
  private static String lastStep(Map<String, Object> auto) {
    String goal = ", target " + Json.text(auto, "target");
    String metric = Json.text(auto, "metric");
    return !auto.containsKey("to")
        ? "none: " + metric + goal
        : Json.text(auto, "from")
            + " -> "
            + Json.text(auto, "to")
            + ": "
            + metric
            + " "
            + Json.text(auto, "measured")
            + goal;
  }

  /** With the two columns of latencies before the last, or without. */
  private static String[] row(boolean latency, String... cells) {
    if (latency) {
      return cells;
    }
    String[] fewer = Arrays.copyOf(cells, cells.length - 2);
    fewer[fewer.length - 1] = cells[cells.length - 1];
    return fewer;
  }

  private static String time(@Nullable Map<String, Object> latency, String name) {
    if (latency == null) {
      return "-";
    }
    double ms = Json.number(latency, name) / 1e3;
    return ms < 10
        ? String.format(Locale.ROOT, "%.1f ms", ms)
        : ms < 10_000 ? Math.round(ms) + " ms" : String.format(Locale.ROOT, "%.1f s", ms / 1e3);
  }

  private static void showUngoverned(CliOutput out, List<Ungoverned.Row> ungoverned) {
    if (ungoverned.isEmpty()) {
      return;
    }
    out.line("");
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"NOT GOVERNED", "SERVICE", "SIDE", "INSTANCES", "WHY"});
    for (Ungoverned.Row r : ungoverned) {
      rows.add(
          new String[] {
            out.ink(CliOutput.Ink.DOUBTFUL, r.library),
            r.service,
            r.side.word(),
            Integer.toString(r.instances),
            r.why
          });
    }
    out.table(rows);
  }

  private static void showBreakers(CliOutput out, List<Map<String, Object>> breakers) {
    if (breakers.isEmpty()) {
      return;
    }
    out.line("");
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"BREAKER", "STATE", "BY", "WHY"});
    for (Map<String, Object> b : breakers) {
      rows.add(
          new String[] {
            Json.text(b, "target"),
            ink(out, FleetBreakers.state(b)),
            Json.text(b, "by"),
            FleetBreakers.why(b)
          });
    }
    out.table(rows);
    for (Map<String, Object> b : breakers) {
      String sides = FleetBreakers.bothSides(b);
      if (!sides.isEmpty()) {
        out.line(Json.text(b, "target") + ": " + sides);
      }
    }
  }

  private static String ink(CliOutput out, String state) {
    return out.ink(
        state.equals("SYNCED") || state.equals("closed")
            ? CliOutput.Ink.GOOD
            : state.equals("STALE") || state.equals("half-open")
                ? CliOutput.Ink.DOUBTFUL
                : CliOutput.Ink.BAD,
        state);
  }
}
