package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleProblem;
import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A change on its way: checked by the agent's own parser, written by one compare-and-set
 * transaction together with its entry in the history, and followed until every live instance has
 * said that it runs it.
 */
final class Publication {
  /** etcd takes 128 operations in a transaction; comparing and writing a key is two. */
  private static final int MOST_KEYS = 60;

  /** etcd takes 1.5 MB in a request; the history holds both texts again. */
  private static final int MOST_BYTES = 400_000;

  private static final long SETTLE_NANOS = 3_000_000_000L;

  private final StoreCommand command;
  private final Out out;
  private final Tree tree;
  private final View base;
  private final TreeMap<String, byte[]> writes = new TreeMap<String, byte[]>();

  Publication(StoreCommand command, Tree tree, View base) {
    this.command = command;
    this.out = command.out;
    this.tree = tree;
    this.base = base;
  }

  /** A null text deletes. */
  Publication put(String key, byte @Nullable [] text) {
    Entry there = base.get(key);
    boolean same = there == null ? text == null : Arrays.equals(there.value, text);
    if (!same) {
      writes.put(key, text);
    }
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
        History.now(message == null ? "" : message, words, texts, command.environment);
    History.record(change, base, txn);
    List<Fleet.Member> live = Fleet.members(base);
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
        out.say(Problems.line(out, d, p));
        refused |= p.refusal;
      }
    }
    if (refused) {
      throw new Trouble(Fault.INVALID, "refused as above; nothing was written");
    }
    if (writes.size() > MOST_KEYS || bytes > MOST_BYTES) {
      throw new Trouble(
          Fault.TOO_MANY,
          writes.size() + " keys with " + bytes + " bytes do not fit into one transaction",
          "at most " + MOST_KEYS + " keys and " + MOST_BYTES + " bytes: push some of the files");
    }
  }

  /** The answer was lost: the history entry tells whether it was written. */
  private long settle(History.Change change, Txn.Outcome outcome) {
    String key = History.PREFIX + change.id;
    Entry there = tree.await(v -> v.get(key), SETTLE_NANOS);
    if (there == null) {
      throw new Trouble(
          Fault.UNKNOWN_OUTCOME,
          tree.name + ": " + outcome.reason + "; whether it was written is not known",
          "look with: weir history");
    }
    return there.modRevision;
  }

  private Map<String, Object> report(History.Change change, long revision, long took) {
    List<Object> changed = new ArrayList<Object>();
    for (Map.Entry<String, byte[]> w : writes.entrySet()) {
      String what =
          w.getValue() == null ? "deleted" : base.get(w.getKey()) == null ? "created" : "changed";
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
      List<Fleet.Member> live, long revision, long began, Map<String, Object> answer) {
    List<Object> told = new ArrayList<Object>();
    answer.put("instances", told);
    if (live.isEmpty()) {
      out.say("no live instance reports its status here: there is nobody to wait for");
      return Exit.OK;
    }
    Map<String, Fleet.Member> missing = new LinkedHashMap<String, Fleet.Member>();
    for (Fleet.Member m : live) {
      missing.put(m.name(), m);
    }
    int[] refused = new int[1];
    tree.await(
        view -> {
          Map<String, Fleet.Member> now = new LinkedHashMap<String, Fleet.Member>();
          for (Fleet.Member m : Fleet.members(view)) {
            now.put(m.name(), m);
          }
          for (String name : new ArrayList<String>(missing.keySet())) {
            Fleet.Member m = now.get(name);
            if (m == null || m.revision >= revision) {
              missing.remove(name);
              refused[0] += tell(name, m, System.nanoTime() - began, told) ? 0 : 1;
            }
          }
          return missing.isEmpty() ? Boolean.TRUE : null;
        },
        command.timeoutNanos());
    for (Fleet.Member m : missing.values()) {
      told.add(
          Json.object("instance", m.name(), "state", "STALE", "revision", m.revision, "ms", null));
      line(m.name(), out.ink(Out.Ink.BAD, "STALE"), "still at revision " + m.revision);
    }
    if (missing.isEmpty() && refused[0] == 0) {
      out.say(out.ink(Out.Ink.GOOD, "all " + Out.count(live.size(), "live instance") + " run it"));
      return Exit.OK;
    }
    out.say(
        out.ink(Out.Ink.BAD, Fault.NOT_CONVERGED.toString())
            + " "
            + (missing.size() + refused[0])
            + " of "
            + live.size()
            + " live instances do not run it; look with: weir status");
    return Exit.NOT_CONVERGED;
  }

  /** Whether the instance runs it, or is no more. */
  private boolean tell(String name, Fleet.@Nullable Member m, long nanos, List<Object> told) {
    long ms = nanos / 1_000_000;
    if (m == null) {
      told.add(Json.object("instance", name, "state", "GONE", "ms", ms));
      line(name, out.ink(Out.Ink.DOUBTFUL, "GONE"), "left while we waited");
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
        out.ink(refusal == null ? Out.Ink.GOOD : Out.Ink.BAD, state),
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
  static Trouble conflict(Tree tree, View base, Iterable<String> keys) {
    View now = tree.view();
    if (now.revision == base.revision) {
      View newer = tree.await(v -> v.revision > base.revision ? v : null, SETTLE_NANOS);
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
    return new Trouble(
        Fault.CONFLICT,
        s.toString(),
        "see what it says now: weir pull, weir diff; then push again");
  }

  static String who(View now, String key, @Nullable Entry is) {
    History.Change last = History.last(now, key);
    String text = is == null ? null : is.text();
    boolean recorded =
        last != null && Objects.equals(Objects.requireNonNull(last.texts.get(key))[1], text);
    return key
        + (is == null ? " was deleted" : " is at revision " + is.modRevision)
        + (last != null && recorded ? ", by " + last.told() : ", not with this command line");
  }
}
