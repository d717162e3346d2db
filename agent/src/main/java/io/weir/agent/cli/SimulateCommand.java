package io.weir.agent.cli;

import io.weir.control.store.Entry;
import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command(
    footer = {
      "",
      "  weir simulate --service order-service access.log",
      "  weir simulate --service order-service --with new-rules --speed 2 access.log.gz",
      "",
      "Reads the common and combined formats and JSON lines: {\"time\": 1700000000.25,",
      "\"method\": \"GET\", \"path\": \"/a\", \"query\": \"b=c\", \"client_ip\": \"...\",",
      "\"headers\": {...}, \"status\": 200, \"duration_ms\": 12.5}; time is seconds or",
      "milliseconds since 1970, or ISO 8601.",
      "",
      "Limits of one side are replayed, the breakers (as one caller that made every call, by each",
      "line's status and duration) and the shares of the routes. Ejections, retries and how the",
      "service would have recovered are not in a log."
    })
final class SimulateCommand extends StoreCommand {
  @Parameters(
      paramLabel = "LOG",
      arity = "1..*",
      description = "access logs in the order of time, .gz allowed; - is stdin")
  List<String> logs = new ArrayList<String>();

  @SuppressWarnings("NullAway.Init") // required
  @Option(
      names = "--service",
      required = true,
      paramLabel = "NAME",
      description = "whose log this is")
  String service;

  @Option(
      names = "--with",
      paramLabel = "PATH",
      description = "rules to try instead of those in force: files or directories")
  List<String> with = new ArrayList<String>();

  @Option(names = "--side", paramLabel = "SIDE", description = "server (default) or client")
  RateLimitRule.Side side = RateLimitRule.Side.SERVER;

  @Option(
      names = "--speed",
      paramLabel = "X",
      description = "as if calls came so many times as fast (default: 1)")
  double speed = 1;

  @Option(names = "--top", paramLabel = "N", description = "how many keys to name (default: 10)")
  int top = 10;

  @SuppressWarnings("NullAway.Init") // set by run
  private Probes probes;

  @Override
  int run() throws IOException {
    if (!(speed > 0)) {
      throw new CliException(CliFault.USAGE, "--speed is above 0");
    }
    RuleBook book = book();
    LogReplay replay = new LogReplay(book, service, side, speed, probes.checks);
    if (!replay.hasRules()) {
      throw new CliException(
          CliFault.NO_RULE,
          "no rule of " + service + " that a log could be replayed against",
          "try one: --with DIR");
    }
    AccessLog log = new AccessLog(replay);
    long began = System.nanoTime();
    for (String name : logs) {
      try (InputStream in = stream(name)) {
        log.read(in);
      } catch (IOException e) {
        throw new CliException(CliFault.NO_FILE, name + ": " + e.getMessage());
      }
    }
    replay.end();
    double seconds = (System.nanoTime() - began) / 1e9;
    if (replay.calls() == 0) {
      throw new CliException(
          CliFault.BAD_LOG,
          "none of " + log.lines() + " lines could be read",
          "see the formats: weir simulate --help");
    }
    if (out.json) {
      json(replay, log);
    } else {
      text(replay, log);
    }
    out.say(
        String.format(
            "%d lines in %.2f s, %.0f a second", log.lines(), seconds, log.lines() / seconds));
    out.next(
        with.isEmpty() ? "weir simulate --with DIR ..." : "weir push " + String.join(" ", with));
    return Exit.OK;
  }

  private RuleBook book() throws IOException {
    if (with.isEmpty()) {
      try (RuleTree tree = peek()) {
        StoreView view = tree.view();
        probes = Probes.of(LiveInstances.members(view), service);
        return RuleBooks.of(view, out);
      }
    }
    probes = probesOf(service);
    List<Entry> entries = new ArrayList<Entry>();
    for (Documents.Document d : Documents.at(with, null).byKey.values()) {
      entries.add(new Entry(d.key.key, d.text, 1, 1, 0));
    }
    return RuleBooks.of(entries, 1, out);
  }

  /** Where rules are tried, the store need not be there; its instances are asked if it is. */
  private Probes probesOf(String service) {
    try (RuleTree tree = peek()) {
      return Probes.of(LiveInstances.members(tree.view()), service);
    } catch (CliException noStore) {
      return Probes.unknown(service);
    }
  }

  private static InputStream stream(String name) throws IOException {
    if (name.equals("-")) {
      return System.in;
    }
    InputStream in = new FileInputStream(name);
    return name.endsWith(".gz") ? new GZIPInputStream(in, 1 << 16) : in;
  }

  private void text(LogReplay r, AccessLog log) {
    out.line(
        String.format(
            "%d calls over %s, at most %.1f a second in a minute%s",
            r.calls(),
            StoreCommand.duration(r.spanNanos()),
            r.peak(),
            speed == 1 ? "" : ", played " + ExplainCommand.number(speed) + " times as fast"));
    out.line(
        String.format("refused   %d (%.3f %%)", r.refused(), 100.0 * r.refused() / r.calls())
            + (r.broken() > 0 ? ", of them by breakers " + r.broken() : ""));
    if (r.paced() > 0) {
      out.line("paced     " + r.paced() + ", at most " + r.longestWaitNanos() / 1_000_000 + " ms");
    }
    long[] worst = r.worstMinute();
    if (worst != null) {
      out.line(
          String.format(
              "worst minute  %s: %d of %d refused (%.1f %%)",
              Instant.ofEpochSecond(worst[0] * 60),
              worst[2],
              worst[1],
              100.0 * worst[2] / worst[1]));
    }
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"LIMIT", "MODE", "ADMITTED", "REFUSED", "KEYS"});
    r.rules(
        (rule, hits, exceeded, keys, overflowed) ->
            rows.add(
                new String[] {
                  rule.id,
                  mode(rule.shadow),
                  Long.toString(hits),
                  Long.toString(exceeded) + (rule.shadow ? " (would be)" : ""),
                  rule.by.isEmpty() ? "" : Integer.toString(keys)
                }));
    table(rows);
    breakers(r);
    arms(r);
    List<LogReplay.Refused> worstKeys = r.top(top);
    if (!worstKeys.isEmpty()) {
      List<String[]> keys = new ArrayList<String[]>();
      keys.add(new String[] {"REFUSED", "RULE", "KEY"});
      for (LogReplay.Refused k : worstKeys) {
        keys.add(new String[] {Long.toString(k.count), k.rule, k.key});
      }
      table(keys);
    }
    for (String s : r.silent()) {
      out.say(s);
    }
    if (probes.doubt != null) {
      out.say(probes.doubt);
    }
    if (r.coarse()) {
      out.say("the log knows whole seconds only: each second's calls were spread evenly over it");
    }
    if (log.bad() > 0) {
      out.say(
          out.ink(CliOutput.Ink.DOUBTFUL, "warning: ")
              + log.bad()
              + " lines could not be read, the first is line "
              + log.firstBad());
    }
  }

  private void breakers(LogReplay r) {
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"BREAKER", "MODE", "FAILED", "OPENED", "REFUSED", "AT THE END"});
    for (CircuitBreaker b : r.breakers()) {
      boolean shadow = b.rule().shadow;
      rows.add(
          new String[] {
            b.id(),
            mode(shadow),
            Long.toString(b.failedCount()),
            Long.toString(b.openedCount()),
            b.refusedCount() + (shadow ? " (would be)" : ""),
            b.state()
          });
    }
    table(rows);
  }

  private void arms(LogReplay r) {
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"ARM", "CALLS", "SHARE"});
    long elsewhere = r.asked();
    for (Map.Entry<String, Long> a : r.arms().entrySet()) {
      rows.add(arm(a.getKey(), a.getValue(), r.asked()));
      elsewhere -= a.getValue();
    }
    if (rows.size() > 1 && elsewhere > 0) {
      rows.add(arm("(no arm)", elsewhere, r.asked()));
    }
    table(rows);
  }

  private static String[] arm(String name, long calls, long of) {
    return new String[] {
      name, Long.toString(calls), of == 0 ? "" : String.format("%.2f %%", 100.0 * calls / of)
    };
  }

  private static String mode(boolean shadow) {
    return shadow ? "shadow" : "enforce";
  }

  /** With a line before it; nothing when it has a heading only. */
  private void table(List<String[]> rows) {
    if (rows.size() > 1) {
      out.line("");
      out.table(rows);
    }
  }

  private List<String> remarks(LogReplay r) {
    List<String> all = new ArrayList<String>(r.silent());
    if (probes.doubt != null) {
      all.add(probes.doubt);
    }
    return all;
  }

  private void json(LogReplay r, AccessLog log) {
    List<Object> rules = new ArrayList<Object>();
    r.rules(
        (rule, hits, exceeded, keys, overflowed) ->
            rules.add(
                Json.object(
                    "rule", rule.id,
                    "mode", mode(rule.shadow),
                    "admitted", hits,
                    "refused", exceeded,
                    "keys", keys,
                    "overflowed", overflowed)));
    List<Object> keys = new ArrayList<Object>();
    for (LogReplay.Refused k : r.top(top)) {
      keys.add(Json.object("rule", k.rule, "key", k.key, "refused", k.count));
    }
    List<Object> breakers = new ArrayList<Object>();
    for (CircuitBreaker b : r.breakers()) {
      breakers.add(
          Json.object(
              "rule", b.id(),
              "mode", mode(b.rule().shadow),
              "failed", b.failedCount(),
              "opened", b.openedCount(),
              "refused", b.refusedCount(),
              "state", b.state()));
    }
    long[] worst = r.worstMinute();
    out.json(
        Json.object(
            "lines",
            log.lines(),
            "unreadable",
            log.bad(),
            "calls",
            r.calls(),
            "refused",
            r.refused(),
            "refused_share",
            (double) r.refused() / r.calls(),
            "refused_by_breakers",
            r.broken(),
            "paced",
            r.paced(),
            "longest_wait_ms",
            r.longestWaitNanos() / 1_000_000,
            "span_seconds",
            r.spanNanos() / 1e9,
            "worst_minute",
            worst == null
                ? null
                : Json.object(
                    "at", Instant.ofEpochSecond(worst[0] * 60).toString(),
                    "calls", worst[1],
                    "refused", worst[2]),
            "rules",
            rules,
            "breakers",
            breakers,
            "arms",
            r.arms(),
            "top_keys",
            keys,
            "remarks",
            remarks(r)));
  }
}
