package io.weir.control.feed;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.parse.ProblemCode;
import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.parse.RuleProblem;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.Store;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.Rule;
import io.weir.engine.rules.RuleBook;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keys and their texts in, one immutable {@link RuleBook} per batch out.
 *
 * <p>What it promises: a batch becomes visible all at once, by one call of the sink; a text that is
 * refused never replaces a good one, and is reported in one log line per revision; a rule whose
 * meaning did not change is handed on as the very same object, whatever happened to its text; a
 * deleted key removes its rule, also when its last text had been refused.
 *
 * <p>Threading: all of it on the control loop, except {@link #report}, which any thread may read.
 */
public final class RuleFeed implements Store.Listener {
  /** What one key contributes. Replaced, never changed. */
  private static final class Held {
    final RuleKey key;

    /** The text as it stands in the store, and whether it is in force. */
    final Entry newest;

    /** The text in force, or null. */
    final @Nullable Entry good;

    final List<Rule> rules;
    final @Nullable Instance instance;

    /** Why {@link #newest} is not in force, or null. */
    final @Nullable RuleProblem refusal;

    final List<RuleProblem> warnings;

    /** Of an instance: it said that it is about to go. */
    final boolean leaving;

    /** For the report, or null: nothing to tell. */
    final InstanceReport.@Nullable Line line;

    Held(
        RuleKey key,
        Entry newest,
        @Nullable Entry good,
        List<Rule> rules,
        @Nullable Instance instance,
        @Nullable RuleProblem refusal,
        List<RuleProblem> warnings) {
      this.key = key;
      this.newest = newest;
      this.good = good;
      this.rules = rules;
      this.instance = instance;
      this.refusal = refusal;
      this.warnings = warnings;
      this.leaving = instance != null && refusal == null && RuleParser.isLeaving(newest.value);
      this.line = key.kind == RuleKey.Kind.INSTANCE && refusal == null ? null : line();
    }

    private InstanceReport.Line line() {
      List<String> ids = new ArrayList<String>(rules.size());
      for (Rule r : rules) {
        ids.add(r.id);
      }
      return new InstanceReport.Line(
          key,
          ids,
          good == null ? 0 : good.modRevision,
          refusal == null ? 0 : newest.modRevision,
          refusal);
    }
  }

  private final Consumer<RuleBook> sink;
  private final Log log;

  /** Null: problems with every service's instances are told. */
  private final @Nullable String service;

  /** Null: who vanishes is gone. */
  private final @Nullable Loop loop;

  private final LastResort lastResort = new LastResort();
  private Loop.@Nullable Timer timer;

  /** The revision of the newest batch. */
  private long revision;

  private final TreeMap<String, Held> held = new TreeMap<String, Held>();

  /** Complaints about the book as a whole that were said already. */
  private final Set<String> said = new HashSet<String>();

  private long rejectedTotal;

  /** Refusals of the present batch: of many, only the first are named in the log. */
  private int refusedNow;

  private long ruleRevision;
  private boolean first = true;
  private volatile InstanceReport report = InstanceReport.EMPTY;

  /**
   * @param sink told each new book, on the control loop; must not block
   */
  public RuleFeed(Consumer<RuleBook> sink, Log log) {
    this(sink, log, null, null);
  }

  /**
   * As an instance follows rules.
   *
   * @param sink told each new book, on the control loop; must not block
   * @param service this instance's own. A registration of another service's that cannot be read is
   *     left out, counted, and for that service to tell; null: all are told
   * @param loop its clock decides how long instances that vanish together stay as a last resort;
   *     null: they do not
   */
  public RuleFeed(Consumer<RuleBook> sink, Log log, @Nullable String service, @Nullable Loop loop) {
    this.sink = sink;
    this.log = log;
    this.service = service;
    this.loop = loop;
  }

  /** What is in force and what is not, as of the newest batch. */
  public InstanceReport report() {
    return report;
  }

  /** The good text of every key, by key: what a cold start without the store needs. */
  public Map<String, Entry> lastGood() {
    Map<String, Entry> good = new LinkedHashMap<String, Entry>();
    for (Map.Entry<String, Held> e : held.entrySet()) {
      if (e.getValue().good != null) {
        good.put(e.getKey(), e.getValue().good);
      }
    }
    return good;
  }

  @Override
  public void onConnected(boolean connected, String reason) {
    // staleness is the control plane's to tell; the last good rules stay
  }

  @Override
  public void onBatch(Batch batch) {
    boolean touched = first;
    boolean rules = first;
    first = false;
    refusedNow = 0;
    for (Change change : batch.changes) {
      RuleKey key = RuleKey.parse(change.key);
      if (key.kind == RuleKey.Kind.FOREIGN) {
        continue;
      }
      touched = true;
      rules |= key.kind != RuleKey.Kind.INSTANCE && !isOthersRegistry(key.key);
      if (change.now == null) {
        gone(change, held.remove(change.key));
      } else {
        Held now = read(key, change.now, held.get(change.key));
        held.put(change.key, now);
        if (now.instance != null) {
          lastResort.forget(key.service, key.key);
        }
      }
    }
    judge();
    if (refusedNow > MOST_LINES) {
      log.warn("weir: refused " + (refusedNow - MOST_LINES) + " more keys at once");
    }
    if (!touched) {
      return;
    }
    if (rules) {
      ruleRevision = batch.revision;
    }
    revision = batch.revision;
    publish();
  }

  private void publish() {
    List<RuleProblem> problems = new ArrayList<RuleProblem>();
    RuleBook book = book(revision, problems);
    report = new InstanceReport(ruleRevision, book.off, lines(), problems, rejectedTotal);
    sink.accept(book);
  }

  private void gone(Change change, @Nullable Held before) {
    if (loop == null || before == null || before.instance == null || before.leaving) {
      return;
    }
    if (before.newest.lease == 0) {
      return; // written by hand or in a file, and so deleted
    }
    if (change.last == null || !RuleParser.isLeaving(change.last.value)) {
      lastResort.vanished(change.key, before.instance, loop.now());
    }
  }

  /** Whether so many vanished that they stay, and until when. */
  private void judge() {
    Loop clock = loop;
    if (clock == null) {
      return;
    }
    for (Map.Entry<String, int[]> e : lastResort.judge(this::live, clock.now()).entrySet()) {
      log.warn(
          "weir: "
              + e.getValue()[0]
              + " of "
              + e.getValue()[1]
              + " instances of "
              + e.getKey()
              + " vanished from the registry without a word; they stay for "
              + LastResort.STAYS_NANOS / 1_000_000_000L
              + " s, for calls that find no other");
    }
    long next = lastResort.next(clock.now());
    if (next >= 0 && timer == null) {
      timer = clock.schedule(this::expire, next);
    }
  }

  private void expire() {
    timer = null;
    try {
      if (lastResort.expire(Objects.requireNonNull(loop).now())) {
        publish();
      }
    } finally {
      judge();
    }
  }

  private int live(String of) {
    int live = 0;
    String prefix = RuleKey.INSTANCES + of + "/";
    for (Map.Entry<String, Held> e : held.tailMap(prefix).entrySet()) {
      if (!e.getKey().startsWith(prefix)) {
        break;
      }
      live += e.getValue().instance != null && !e.getValue().leaving ? 1 : 0;
    }
    return live;
  }

  /** Whether this key is under {@code /services/}, and not this service's own. */
  private boolean isOthersRegistry(String key) {
    return service != null
        && key.startsWith(RuleKey.INSTANCES)
        && !(key + "/").startsWith(RuleKey.INSTANCES + service + "/");
  }

  private Held read(RuleKey key, Entry entry, @Nullable Held before) {
    boolean toldByBeingThere =
        key.kind == RuleKey.Kind.OFF
            || key.kind == RuleKey.Kind.SERVICE_OFF
            || key.kind == RuleKey.Kind.UNKNOWN;
    if (entry.tooLarge > 0 && !toldByBeingThere) {
      return tooLarge(key, entry, before);
    }
    switch (key.kind) {
      case OFF:
      case SERVICE_OFF:
        return new Held(key, entry, entry, NO_RULES, null, null, NO_PROBLEMS);
      case FORCE:
        return force(key, entry, before);
      case UNKNOWN:
        RuleProblem unknown = RuleProblem.of(ProblemCode.KEY, true, key.key, key.complaint);
        refused(unknown, entry, null);
        return new Held(key, entry, null, NO_RULES, null, unknown, NO_PROBLEMS);
      case INSTANCE:
        return instance(key, entry, before);
      default:
        return rules(key, entry, before);
    }
  }

  private Held tooLarge(RuleKey key, Entry entry, @Nullable Held before) {
    String text = "the value has more than " + entry.tooLarge + " bytes and was not read";
    RuleProblem refusal = RuleProblem.of(ProblemCode.TOO_LARGE, true, key.key, text);
    refused(refusal, entry, before);
    return before == null
        ? new Held(key, entry, null, NO_RULES, null, refusal, NO_PROBLEMS)
        : new Held(
            key, entry, before.good, before.rules, before.instance, refusal, before.warnings);
  }

  /** It is the fleet's to obey; here it is only told of when it says nothing. */
  private Held force(RuleKey key, Entry entry, @Nullable Held before) {
    if (RuleParser.force(entry.value) != null) {
      return new Held(key, entry, entry, NO_RULES, null, null, NO_PROBLEMS);
    }
    RuleProblem refusal = RuleParser.noForce(key, entry.value);
    refused(refusal, entry, before);
    Entry good = before == null ? null : before.good;
    return new Held(key, entry, good, NO_RULES, null, refusal, NO_PROBLEMS);
  }

  private Held rules(RuleKey key, Entry entry, @Nullable Held before) {
    RuleParser.Parsed parsed = RuleParser.parse(key, entry.value, entry.toString());
    RuleProblem refusal = parsed.refusal();
    if (refusal != null) {
      refused(refusal, entry, before);
      return before == null
          ? new Held(key, entry, null, NO_RULES, null, refusal, NO_PROBLEMS)
          : new Held(key, entry, before.good, before.rules, null, refusal, before.warnings);
    }
    warn(parsed.problems, before);
    List<Rule> rules =
        before == null ? parsed.rules : unchangedAsBefore(parsed.rules, before.rules);
    return new Held(key, entry, entry, rules, null, null, parsed.problems);
  }

  private Held instance(RuleKey key, Entry entry, @Nullable Held before) {
    if (before != null
        && before.good != null
        && java.util.Arrays.equals(before.good.value, entry.value)) {
      // a renewed registration keeps the instance object and with it its statistics
      return new Held(key, entry, entry, NO_RULES, before.instance, null, before.warnings);
    }
    List<RuleProblem> problems = new ArrayList<RuleProblem>();
    Instance instance = RuleParser.instance(key, entry.value, problems);
    if (instance == null) {
      RuleProblem refusal = problems.get(problems.size() - 1);
      refused(refusal, entry, before);
      return before == null
          ? new Held(key, entry, null, NO_RULES, null, refusal, NO_PROBLEMS)
          : new Held(key, entry, before.good, NO_RULES, before.instance, refusal, before.warnings);
    }
    if (!isOthersRegistry(key.key)) {
      warn(problems, before);
    }
    return new Held(key, entry, entry, NO_RULES, instance, null, problems);
  }

  private static List<Rule> unchangedAsBefore(List<Rule> now, List<Rule> before) {
    Map<String, Rule> old = new HashMap<String, Rule>();
    for (Rule r : before) {
      old.put(r.fingerprint, r);
    }
    List<Rule> merged = new ArrayList<Rule>(now.size());
    for (Rule r : now) {
      Rule same = old.get(r.fingerprint);
      merged.add(same == null ? r : same);
    }
    return merged;
  }

  private void refused(RuleProblem p, Entry entry, @Nullable Held before) {
    rejectedTotal++;
    if (isOthersRegistry(p.key)) {
      return; // its own instances say so
    }
    if (++refusedNow > MOST_LINES) {
      return;
    }
    String instead =
        before == null || before.good == null
            ? "nothing is in force in its place"
            : "revision " + before.good.modRevision + " stays in force";
    log.warn("weir: refused revision " + entry.modRevision + ", " + instead + ": " + p);
  }

  private void warn(List<RuleProblem> now, @Nullable Held before) {
    Set<String> known = new HashSet<String>();
    for (RuleProblem p : before == null ? NO_PROBLEMS : before.warnings) {
      known.add(p.code + p.field);
    }
    for (RuleProblem p : now) {
      if (known.add(p.code + p.field)) {
        log.warn("weir: " + p);
      }
    }
  }

  private RuleBook book(long revision, List<RuleProblem> problems) {
    RuleBook.Builder book = new RuleBook.Builder().revision(revision);
    Set<String> complaints = new HashSet<String>();
    // rules of one service and kind are neighbours in key order
    Map<String, Rule> ids = new HashMap<String, Rule>();
    RuleKey before = null;
    for (Held h : held.values()) {
      if (!isOthersRegistry(h.key.key)) {
        if (h.refusal != null) {
          problems.add(h.refusal);
        }
        problems.addAll(h.warnings);
      }
      if (h.key.kind == RuleKey.Kind.OFF || h.key.kind == RuleKey.Kind.SERVICE_OFF) {
        off(h, book);
      }
      if (h.instance != null && !h.leaving) {
        book.instance(h.instance);
      }
      if (h.rules.isEmpty()) {
        continue;
      }
      if (before == null || before.kind != h.key.kind || !before.service.equals(h.key.service)) {
        ids.clear();
      }
      before = h.key;
      for (Rule r : h.rules) {
        Rule twin = ids.put(r.id, r);
        if (twin != null) {
          String text = "rule id " + r.id + " is taken by " + twin.origin + "; give it another";
          complain(
              RuleProblem.of(ProblemCode.DUPLICATE_ID, false, h.key.key, text),
              complaints,
              problems);
        }
        book.add(r);
      }
    }
    for (Instance i : lastResort.instances()) {
      book.instance(i);
    }
    said.retainAll(complaints);
    return book.build();
  }

  private void complain(RuleProblem p, Set<String> complaints, List<RuleProblem> problems) {
    problems.add(p);
    complaints.add(p.toString());
    if (said.add(p.toString())) {
      log.warn("weir: " + p);
    }
  }

  /** A kill switch is on by being there; {@code false}, {@code 0} and {@code no} keep it off. */
  private static void off(Held h, RuleBook.Builder book) {
    String text = new String(h.newest.value, StandardCharsets.UTF_8).trim();
    if (text.equals("false") || text.equals("0") || text.equals("no")) {
      return;
    }
    if (h.key.kind == RuleKey.Kind.OFF || h.key.service.equals("*")) {
      book.off(true);
    } else {
      book.off(h.key.service);
    }
  }

  private List<InstanceReport.Line> lines() {
    List<InstanceReport.Line> lines = new ArrayList<InstanceReport.Line>();
    for (Held h : held.values()) {
      if (h.line != null && !isOthersRegistry(h.key.key)) {
        lines.add(h.line);
      }
    }
    return lines;
  }

  private static final int MOST_LINES = 20;
  private static final List<Rule> NO_RULES = Collections.<Rule>emptyList();
  private static final List<RuleProblem> NO_PROBLEMS = Collections.<RuleProblem>emptyList();
}
