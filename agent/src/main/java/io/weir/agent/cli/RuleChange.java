package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleProblem;
import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.Rule;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A change on its way: checked by the agent's own parser, written by one compare-and-set
 * transaction together with its entry in the history, and followed until every live instance has
 * said that it runs it.
 */
final class RuleChange {
  /** etcd takes 128 operations in a transaction; comparing and writing a key is two. */
  private static final int MOST_KEYS = 60;

  /** etcd takes 1.5 MB in a request; the history holds both texts again. */
  private static final int MOST_BYTES = 400_000;

  private static final long SETTLE_NANOS = 3_000_000_000L;

  private final ChangeCommand command;
  private final CliOutput out;
  private final RuleTree tree;
  private final StoreView base;
  private final TreeMap<String, byte[]> writes = new TreeMap<String, byte[]>();
  private final List<String> dangers = new ArrayList<String>();
  private boolean lint = true;
  private String from = "";

  RuleChange(ChangeCommand command, RuleTree tree, StoreView base) {
    this.command = command;
    this.out = command.out;
    this.tree = tree;
    this.base = base;
  }

  /** A null text deletes. */
  RuleChange put(String key, byte @Nullable [] text) {
    Entry there = base.get(key);
    boolean same = there == null ? text == null : Arrays.equals(there.value, text);
    if (!same) {
      writes.put(key, text);
    }
    return this;
  }

  /** Whether warnings about the rules it writes are shown. */
  RuleChange lint(boolean show) {
    lint = show;
    return this;
  }

  /** Name of the files it comes from, for the history. */
  RuleChange from(String source) {
    from = source;
    return this;
  }

  /** Something that somebody must confirm, unless nothing is written. */
  RuleChange danger(String what) {
    dangers.add(what);
    return this;
  }

  /** The same of several. */
  RuleChange dangers(List<String> what) {
    dangers.addAll(what);
    return this;
  }

  /** What will be written. */
  TreeMap<String, byte[]> writes() {
    return writes;
  }

  /**
   * @param words the command, for the history
   * @return the exit code
   */
  int run(String words, @Nullable String message, boolean wait) {
    if (writes.isEmpty()) {
      if (out.json) {
        out.json(Json.object("changed", new ArrayList<Object>()));
      }
      out.say("nothing to change: " + tree.name + " already says so");
      return Exit.OK;
    }
    check();
    List<String> asked = look();
    if (command.dryRun) {
      return rehearse(asked);
    }
    confirm(asked);
    Map<String, @Nullable String[]> texts = new LinkedHashMap<String, @Nullable String[]>();
    Txn txn = new Txn();
    for (Map.Entry<String, byte[]> w : writes.entrySet()) {
      Entry there = base.get(w.getKey());
      txn.ifModRevision(w.getKey(), there == null ? 0 : there.modRevision);
      if (w.getValue() == null) {
        txn.delete(w.getKey());
      } else {
        txn.put(w.getKey(), w.getValue(), 0);
      }
      texts.put(
          w.getKey(),
          new @Nullable String[] {there == null ? null : there.text(), text(w.getValue())});
    }
    History.Change change =
        History.now(
            message == null ? "" : message, words, from, texts, tree.user(), command.environment);
    History.record(change, base, txn);
    List<LiveInstances.Member> live = concerned(LiveInstances.members(tree.view()));
    long began = System.nanoTime();
    Txn.Outcome outcome = tree.commit(txn);
    long took = System.nanoTime() - began;
    if (outcome.kind == Txn.Outcome.Kind.CONFLICT) {
      throw conflict(tree, base, writes.keySet());
    }
    long revision = outcome.revision;
    if (outcome.kind == Txn.Outcome.Kind.UNKNOWN) {
      revision = settle(change, outcome);
    }
    Map<String, Object> answer = report(change, revision, took);
    int exit = Exit.OK;
    if (wait && !tree.hasStatus()) {
      out.say("instances that read files do not report back; they look within about two seconds");
    } else if (wait) {
      exit = awaitInstances(live, revision, began, answer);
    }
    if (out.json) {
      out.json(answer);
    }
    out.say("undo: weir rollback " + change.id);
    out.next(wait || !tree.hasStatus() ? "weir history" : "weir status");
    return exit;
  }

  private static @Nullable String text(byte @Nullable [] utf8) {
    return utf8 == null ? null : new String(utf8, StandardCharsets.UTF_8);
  }

  private void check() {
    int bytes = 0;
    boolean refused = false;
    for (Map.Entry<String, byte[]> w : writes.entrySet()) {
      RuleKey key = RuleKey.parse(w.getKey());
      if (w.getValue() == null) {
        continue;
      }
      bytes += w.getValue().length;
      Documents.Document d = new Documents.Document(key, w.getValue(), w.getKey());
      for (RuleProblem p : d.problems()) {
        out.say(ProblemPrinter.line(out, d, p));
        refused |= p.refusal;
      }
    }
    if (refused) {
      throw new CliException(CliFault.INVALID, "refused as above; nothing was written");
    }
    if (writes.size() > MOST_KEYS || bytes > MOST_BYTES) {
      throw new CliException(
          CliFault.TOO_MANY,
          writes.size() + " keys with " + bytes + " bytes do not fit into one transaction",
          "at most " + MOST_KEYS + " keys and " + MOST_BYTES + " bytes: push some of the files");
    }
  }

  /** Shows what lint says of what is written; returns what somebody must confirm. */
  private List<String> look() {
    Documents before = Documents.in(base);
    Documents after = before.with(writes);
    Set<String> keys = new TreeSet<String>(writes.keySet());
    for (String key : writes.keySet()) {
      RuleKey k = RuleKey.parse(key);
      if (k.kind == RuleKey.Kind.OFF || k.kind == RuleKey.Kind.SERVICE_OFF) {
        // what it switches on again acts again
        for (Documents.Document d : after.byKey.values()) {
          boolean covered = k.kind == RuleKey.Kind.OFF || d.key.service.equals(k.service);
          keys.addAll(covered ? Collections.singleton(d.key.key) : Collections.<String>emptySet());
        }
      }
    }
    KnownServices known = tree.hasStatus() ? KnownServices.of(base) : null;
    List<Lint.Finding> findings = Lint.of(after, keys, known);
    List<Lint.Finding> errors = Lint.newErrors(Lint.of(before, keys, known), findings);
    for (Lint.Finding f : findings) {
      boolean parsers = f.name.startsWith("WEIR"); // said by check()
      if (lint && writes.containsKey(f.document.key.key) && !errors.contains(f) && !parsers) {
        out.say(out.ink(CliOutput.Ink.DOUBTFUL, "warning: ") + LintCommand.line(out, f));
      }
    }
    if (lint) {
      reach(before, after);
    }
    List<String> asked = new ArrayList<String>(dangers);
    for (Lint.Finding f : errors) {
      asked.add(f.document.key.key + " " + (f.rule.isEmpty() ? "" : f.rule + ": ") + f.text);
    }
    return asked;
  }

  /**
   * Warns of a new rule for every service, and of rates that fall to a tenth or less: a digit is
   * lost easily.
   */
  private void reach(Documents before, Documents after) {
    for (String key : writes.keySet()) {
      Documents.Document was = before.byKey.get(key);
      Documents.Document is = after.byKey.get(key);
      if (was == null && is != null && is.key.service.equals("*")) {
        out.say(
            out.ink(CliOutput.Ink.DOUBTFUL, "warning: ")
                + key
                + " is new, and concerns every service without a rule of its own");
      }
      if (was == null || is == null || is.key.kind != RuleKey.Kind.LIMIT) {
        continue;
      }
      for (Rule old : was.parse().rules) {
        for (Rule now : is.parse().rules) {
          double from = ((RateLimitRule) old).qps;
          double to = ((RateLimitRule) now).qps;
          if (old.id.equals(now.id) && to > 0 && from >= to * 10) {
            out.say(
                out.ink(CliOutput.Ink.DOUBTFUL, "warning: ")
                    + key
                    + " "
                    + now.id
                    + ": qps falls from "
                    + ExplainCommand.number(from)
                    + " to "
                    + ExplainCommand.number(to));
          }
        }
      }
    }
  }

  private void confirm(List<String> asked) {
    if (asked.isEmpty()) {
      return;
    }
    if (command.yes || out.canAsk()) {
      for (String a : asked) {
        out.say(out.ink(CliOutput.Ink.BAD, "danger: ") + a);
      }
    }
    if (command.yes || out.ask("Is this meant?")) {
      return;
    }
    throw new CliException(
        CliFault.UNCONFIRMED,
        out.canAsk()
            ? "not confirmed; nothing was written"
            : "this must be confirmed; nothing was written\n  " + String.join("\n  ", asked),
        "if it is meant: --yes");
  }

  /** What would happen, without doing it. */
  private int rehearse(List<String> asked) {
    List<Object> changed = new ArrayList<Object>();
    for (String key : writes.keySet()) {
      String what = what(key);
      changed.add(Json.object("key", key, "what", what));
      if (!out.json) {
        out.line("would be " + what + ": " + key);
      }
    }
    for (String a : asked) {
      out.say(out.ink(CliOutput.Ink.BAD, "danger: ") + a);
    }
    if (out.json) {
      out.json(Json.object("dry_run", true, "changed", changed, "dangers", asked));
    }
    boolean refused = !asked.isEmpty() && !command.yes;
    out.say("dry run: nothing was written" + (refused ? "; it needs --yes" : ""));
    return refused ? Exit.FINDINGS : Exit.OK;
  }

  private String what(String key) {
    return writes.get(key) == null ? "deleted" : base.get(key) == null ? "created" : "changed";
  }

  /** The services whose rules are written; empty: all of them. */
  private Set<String> services() {
    Set<String> services = new TreeSet<String>();
    for (String key : writes.keySet()) {
      String service = RuleKey.parse(key).service;
      if (service.isEmpty() || service.equals("*")) {
        return Collections.<String>emptySet();
      }
      services.add(service);
    }
    return services;
  }

  /** The instances of the services whose rules are written. */
  private List<LiveInstances.Member> concerned(List<LiveInstances.Member> all) {
    Set<String> services = services();
    List<LiveInstances.Member> concerned = new ArrayList<LiveInstances.Member>();
    for (LiveInstances.Member m : all) {
      if (services.isEmpty() || services.contains(m.service)) {
        concerned.add(m);
      }
    }
    return concerned;
  }

  /** The answer was lost: the history entry tells whether it was written. */
  private long settle(History.Change change, Txn.Outcome outcome) {
    if (outcome.reason.contains("permission denied")) {
      // etcd asks before it writes anything
      throw new CliException(
          CliFault.READ_ONLY,
          tree.name + ": " + outcome.reason + "; nothing was written",
          "this user may not write " + writes.keySet() + ": see weir role --operator");
    }
    String key = History.PREFIX + change.id;
    Entry there = tree.await(v -> v.get(key), SETTLE_NANOS);
    if (there == null) {
      throw new CliException(
          CliFault.UNKNOWN_OUTCOME,
          tree.name + ": " + outcome.reason + "; whether it was written is not known",
          "look with: weir history");
    }
    return there.modRevision;
  }

  private Map<String, Object> report(History.Change change, long revision, long took) {
    List<Object> changed = new ArrayList<Object>();
    for (Map.Entry<String, byte[]> w : writes.entrySet()) {
      String what = what(w.getKey());
      changed.add(Json.object("key", w.getKey(), "what", what));
      if (!out.json) {
        out.line(what + " " + w.getKey());
      }
    }
    out.say(
        (tree.hasStatus() ? "revision " + revision + " of " : "written to ")
            + tree.name
            + " after "
            + StoreCommand.duration(took));
    return Json.object(
        "changed",
        changed,
        "revision",
        revision,
        "history",
        change.id,
        "undo",
        "weir rollback " + change.id);
  }

  private int awaitInstances(
      List<LiveInstances.Member> live, long revision, long began, Map<String, Object> answer) {
    List<Object> told = new ArrayList<Object>();
    answer.put("instances", told);
    if (live.isEmpty()) {
      out.say("no " + instances(1) + " reports its status: there is nobody to wait for");
      return Exit.OK;
    }
    Map<String, LiveInstances.Member> missing = new LinkedHashMap<String, LiveInstances.Member>();
    for (LiveInstances.Member m : live) {
      missing.put(m.name(), m);
    }
    Set<String> refused = new TreeSet<String>();
    tree.await(
        view -> {
          Map<String, LiveInstances.Member> now = new LinkedHashMap<String, LiveInstances.Member>();
          for (LiveInstances.Member m : LiveInstances.members(view)) {
            now.put(m.name(), m);
          }
          for (String name : new ArrayList<String>(missing.keySet())) {
            LiveInstances.Member m = now.get(name);
            if (m == null || m.revision >= revision) {
              missing.remove(name);
              if (!tell(name, m, System.nanoTime() - began, told)) {
                refused.add(name);
              }
            }
          }
          return missing.isEmpty() ? Boolean.TRUE : null;
        },
        command.timeoutNanos());
    for (LiveInstances.Member m : missing.values()) {
      told.add(
          Json.object("instance", m.name(), "state", "STALE", "revision", m.revision, "ms", null));
      line(m.name(), out.ink(CliOutput.Ink.BAD, "STALE"), "still at revision " + m.revision);
    }
    callers(revision);
    if (missing.isEmpty() && refused.isEmpty()) {
      String all = live.size() == 1 ? "the only " : "all " + live.size() + " ";
      out.say(
          out.ink(
              CliOutput.Ink.GOOD,
              all + instances(live.size()) + (live.size() == 1 ? " runs it" : " run it")));
      return Exit.OK;
    }
    out.say(
        out.ink(CliOutput.Ink.BAD, CliFault.NOT_CONVERGED.toString())
            + " "
            + (live.size() - missing.size() - refused.size())
            + " of "
            + live.size()
            + " "
            + instances(live.size())
            + " run it"
            + (missing.isEmpty()
                ? ""
                : "; no acknowledgement within "
                    + StoreCommand.duration(command.timeoutNanos())
                    + ": "
                    + String.join(", ", missing.keySet()))
            + (refused.isEmpty() ? "" : "; refused by: " + String.join(", ", refused))
            + "; look with: weir status");
    return Exit.NOT_CONVERGED;
  }

  /** {@code live instance of shop}, {@code live instances}. */
  private String instances(int count) {
    Set<String> services = services();
    return "live instance"
        + (count == 1 ? "" : "s")
        + (services.isEmpty() ? "" : " of " + String.join(", ", services));
  }

  /** Breakers and routes act in the callers, which are not known here and not waited for. */
  private void callers(long revision) {
    boolean act = false;
    for (String key : writes.keySet()) {
      RuleKey.Kind kind = RuleKey.parse(key).kind;
      act |= kind == RuleKey.Kind.BREAKER || kind == RuleKey.Kind.ROUTE;
    }
    Set<String> services = services();
    int behind = 0;
    int others = 0;
    for (LiveInstances.Member m : LiveInstances.members(tree.view())) {
      if (!services.isEmpty() && !services.contains(m.service)) {
        others++;
        behind += m.revision < revision ? 1 : 0;
      }
    }
    if (act && others > 0) {
      out.say(
          "circuit breakers and routes act in the callers: "
              + (others - behind)
              + " of "
              + CliOutput.count(others, "live instance")
              + " of other services have it"
              + (behind == 0 ? "" : "; look with: weir status"));
    }
  }

  /** Whether the instance runs it, or is no more. */
  private boolean tell(
      String name, LiveInstances.@Nullable Member m, long nanos, List<Object> told) {
    long ms = nanos / 1_000_000;
    if (m == null) {
      told.add(Json.object("instance", name, "state", "GONE", "ms", ms));
      line(name, out.ink(CliOutput.Ink.DOUBTFUL, "GONE"), "left while we waited");
      return true;
    }
    Map<String, Object> refusal = m.refusal(writes.keySet());
    String state = refusal == null ? "SYNCED" : "REJECTED";
    told.add(
        Json.object(
            "instance", name,
            "state", state,
            "revision", m.revision,
            "ms", ms,
            "reason", refusal == null ? null : refusal.get("reason")));
    line(
        name,
        out.ink(refusal == null ? CliOutput.Ink.GOOD : CliOutput.Ink.BAD, state),
        refusal == null ? ms + " ms" : Json.text(refusal, "reason"));
    return refusal == null;
  }

  private void line(String name, String state, String rest) {
    if (!out.json) {
      out.line("  " + name + "  " + state + "  " + rest);
      out.flush(); // somebody is waiting
    }
  }

  /** Says who was faster. */
  static CliException conflict(RuleTree tree, StoreView base, Iterable<String> keys) {
    StoreView now = tree.view();
    if (now.revision == base.revision) {
      StoreView newer = tree.await(v -> v.revision > base.revision ? v : null, SETTLE_NANOS);
      now = newer == null ? now : newer;
    }
    StringBuilder s = new StringBuilder("changed by somebody else meanwhile; nothing was written");
    for (String key : keys) {
      Entry was = base.get(key);
      Entry is = now.get(key);
      boolean same = was == null ? is == null : is != null && was.modRevision == is.modRevision;
      if (!same) {
        s.append("\n  ").append(who(now, key, is));
      }
    }
    return new CliException(
        CliFault.CONFLICT,
        s.toString(),
        "see what it says now: weir pull, weir diff; then push again");
  }

  static String who(StoreView now, String key, @Nullable Entry is) {
    History.Change last = History.last(now, key);
    String text = is == null ? null : is.text();
    boolean recorded =
        last != null && Objects.equals(Objects.requireNonNull(last.texts.get(key))[1], text);
    return key
        + (is == null ? " was deleted" : " is at revision " + is.modRevision)
        + (last != null && recorded ? ", by " + last.told() : ", not with this command line");
  }
}
