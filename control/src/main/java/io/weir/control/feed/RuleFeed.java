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
 * Parses the store's batches and makes an immutable {@link RuleBook} of each.
 *
 * <p>Guarantees: a batch becomes visible all at once, by one call of the sink. A refused text never
 * replaces a good one. It is reported in one log line per revision (at most {@link #MOST_LINES} in
 * a batch, and not for registrations of other services). A rule whose meaning did not change stays
 * the same object, even if its text changed. A deleted key removes its rule, even if its last text
 * was refused.
 *
 * <p>Threading: on the control loop, except {@link #report}, which any thread may call.
 */
public final class RuleFeed implements Store.Listener {
  /** The state of one key. Immutable. */
  private static final class KeyState {
    final RuleKey key;

    /** The text in the store. */
    final Entry newest;

    /** The text in force; null: none. */
    final @Nullable Entry good;

    /** The rules in force; empty for keys that have none. */
    final List<Rule> rules;

    /** The instance of {@link #good}; null for other keys, or when no text could be read yet. */
    final @Nullable Instance instance;

    /** Why {@link #newest} is not in force; null: it is. */
    final @Nullable RuleProblem refusal;

    final List<RuleProblem> warnings;

    /** Whether {@link #good} says that its instance is about to stop. */
    final boolean leaving;

    /** The key's line in {@link #report}, for this instance's status key; null: it has none. */
    final InstanceReport.@Nullable Line line;

    KeyState(
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
      this.leaving = instance != null && good != null && RuleParser.isLeaving(good.value);
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

  /** This instance's service; null: problems with every service's registrations are reported. */
  private final @Nullable String service;

  /** Null: instances that vanish do not stay as a last resort. */
  private final @Nullable Loop loop;

  private final LastResort lastResort = new LastResort();
  private Loop.@Nullable Timer timer;

  /** The revision of the newest batch. */
  private long revision;

  private final TreeMap<String, KeyState> states = new TreeMap<String, KeyState>();

  /** Problems between several keys that were logged already. */
  private final Set<String> logged = new HashSet<String>();

  private long rejectedTotal;

  /** The number of refusals in this batch; only the first {@link #MOST_LINES} are logged. */
  private int refusedNow;

  /** The revision of the newest batch that changed anything but registrations. */
  private long ruleRevision;

  /** Whether no batch has come yet. */
  private boolean first = true;

  private volatile InstanceReport report = InstanceReport.EMPTY;

  /**
   * A feed for tools: it reports problems of every service.
   *
   * @param sink is called with each new book on the control loop; must not block
   */
  public RuleFeed(Consumer<RuleBook> sink, Log log) {
    this(sink, log, null, null);
  }

  /**
   * A feed for an instance.
   *
   * @param sink is called with each new book on the control loop; must not block
   * @param service this instance's service. A registration of another service that cannot be read
   *     is counted but not reported here: that service's instances report it. Null: all are
   *     reported
   * @param loop its clock decides how long instances that vanish together stay as a last resort;
   *     null: they do not stay
   */
  public RuleFeed(Consumer<RuleBook> sink, Log log, @Nullable String service, @Nullable Loop loop) {
    this.sink = sink;
    this.log = log;
    this.service = service;
    this.loop = loop;
  }

  /** Which texts are in force and which were refused, as of the newest batch. Any thread. */
  public InstanceReport report() {
    return report;
  }

  /** The text in force of every key, in key order: what a cold start without the store needs. */
  public Map<String, Entry> lastGood() {
    Map<String, Entry> good = new LinkedHashMap<String, Entry>();
    for (Map.Entry<String, KeyState> e : states.entrySet()) {
      if (e.getValue().good != null) {
        good.put(e.getKey(), e.getValue().good);
      }
    }
    return good;
  }

  @Override
  public void onConnected(boolean connected, String reason) {
    // the last good rules stay; ControlPlane reports the connection
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
        onDeleted(change, states.remove(change.key));
      } else {
        KeyState now = read(key, change.now, states.get(change.key));
        states.put(change.key, now);
        if (now.instance != null) {
          lastResort.forget(key.service, key.key);
        }
      }
    }
    judgeVanished();
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

  private void onDeleted(Change change, @Nullable KeyState before) {
    if (loop == null || before == null || before.instance == null || before.leaving) {
      return;
    }
    if (before.newest.lease == 0) {
      return; // an operator wrote it, by hand or in a file, and has deleted it
    }
    // the text that says so and the deletion may come as one change
    if (change.last == null || !RuleParser.isLeaving(change.last.value)) {
      lastResort.vanished(change.key, before.instance, loop.now());
    }
  }

  /** Decides which vanished instances stay, and schedules when they are forgotten. */
  private void judgeVanished() {
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
      judgeVanished();
    }
  }

  private int live(String of) {
    int live = 0;
    String prefix = RuleKey.INSTANCES + of + "/";
    for (Map.Entry<String, KeyState> e : states.tailMap(prefix).entrySet()) {
      if (!e.getKey().startsWith(prefix)) {
        break;
      }
      live += e.getValue().instance != null && !e.getValue().leaving ? 1 : 0;
    }
    return live;
  }

  /**
   * Whether this key is in the registry of another service, be it a registration or not. The slash
   * is for the key {@code /services/SERVICE} itself.
   */
  private boolean isOthersRegistry(String key) {
    return service != null
        && key.startsWith(RuleKey.INSTANCES)
        && !(key + "/").startsWith(RuleKey.INSTANCES + service + "/");
  }

  private KeyState read(RuleKey key, Entry entry, @Nullable KeyState before) {
    // a kill switch that exists is on, whatever is in it; of an unknown key the name is refused
    boolean mustFit =
        key.kind != RuleKey.Kind.OFF
            && key.kind != RuleKey.Kind.SERVICE_OFF
            && key.kind != RuleKey.Kind.UNKNOWN;
    if (entry.tooLarge > 0 && mustFit) {
      return tooLarge(key, entry, before);
    }
    switch (key.kind) {
      case OFF:
      case SERVICE_OFF:
        return new KeyState(key, entry, entry, NO_RULES, null, null, NO_PROBLEMS);
      case FORCE:
        return force(key, entry, before);
      case UNKNOWN:
        RuleProblem unknown = RuleProblem.of(ProblemCode.KEY, true, key.key, key.complaint);
        refused(unknown, entry, null);
        return new KeyState(key, entry, null, NO_RULES, null, unknown, NO_PROBLEMS);
      case INSTANCE:
        return instance(key, entry, before);
      default:
        return rules(key, entry, before);
    }
  }

  private KeyState tooLarge(RuleKey key, Entry entry, @Nullable KeyState before) {
    String text = "the value has more than " + entry.tooLarge + " bytes and was not read";
    RuleProblem refusal = RuleProblem.of(ProblemCode.TOO_LARGE, true, key.key, text);
    refused(refusal, entry, before);
    return before == null
        ? new KeyState(key, entry, null, NO_RULES, null, refusal, NO_PROBLEMS)
        : new KeyState(
            key, entry, before.good, before.rules, before.instance, refusal, before.warnings);
  }

  /**
   * The key {@code /service/SERVICE/force} is an operator's hand on the shared breaker. {@code
   * FleetCoordinator} acts on it, and keeps the former one when a text cannot be read. The feed
   * only reports such a text.
   */
  private KeyState force(RuleKey key, Entry entry, @Nullable KeyState before) {
    if (RuleParser.force(entry.value) != null) {
      return new KeyState(key, entry, entry, NO_RULES, null, null, NO_PROBLEMS);
    }
    RuleProblem refusal = RuleParser.forceProblem(key, entry.value);
    refused(refusal, entry, before);
    Entry good = before == null ? null : before.good;
    return new KeyState(key, entry, good, NO_RULES, null, refusal, NO_PROBLEMS);
  }

  private KeyState rules(RuleKey key, Entry entry, @Nullable KeyState before) {
    RuleParser.Parsed parsed = RuleParser.parse(key, entry.value, entry.toString());
    RuleProblem refusal = parsed.refusal();
    if (refusal != null) {
      refused(refusal, entry, before);
      return before == null
          ? new KeyState(key, entry, null, NO_RULES, null, refusal, NO_PROBLEMS)
          : new KeyState(key, entry, before.good, before.rules, null, refusal, before.warnings);
    }
    warn(parsed.problems, before);
    List<Rule> rules =
        before == null ? parsed.rules : unchangedAsBefore(parsed.rules, before.rules);
    return new KeyState(key, entry, entry, rules, null, null, parsed.problems);
  }

  private KeyState instance(RuleKey key, Entry entry, @Nullable KeyState before) {
    if (before != null
        && before.good != null
        && java.util.Arrays.equals(before.good.value, entry.value)) {
      // the same value again: with the same instance object no plan has to be built anew
      return new KeyState(key, entry, entry, NO_RULES, before.instance, null, before.warnings);
    }
    List<RuleProblem> problems = new ArrayList<RuleProblem>();
    Instance instance = RuleParser.instance(key, entry.value, problems);
    if (instance == null) {
      RuleProblem refusal = problems.get(problems.size() - 1);
      refused(refusal, entry, before);
      return before == null
          ? new KeyState(key, entry, null, NO_RULES, null, refusal, NO_PROBLEMS)
          : new KeyState(
              key, entry, before.good, NO_RULES, before.instance, refusal, before.warnings);
    }
    if (!isOthersRegistry(key.key)) {
      warn(problems, before);
    }
    return new KeyState(key, entry, entry, NO_RULES, instance, null, problems);
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

  private void refused(RuleProblem p, Entry entry, @Nullable KeyState before) {
    rejectedTotal++;
    if (isOthersRegistry(p.key)) {
      return; // the instances of that service report it
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

  private void warn(List<RuleProblem> now, @Nullable KeyState before) {
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
    // the rules of one service and kind are neighbours in key order; their ids must differ
    Map<String, Rule> ids = new HashMap<String, Rule>();
    RuleKey before = null;
    for (KeyState h : states.values()) {
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
    logged.retainAll(complaints);
    return book.build();
  }

  private void complain(RuleProblem p, Set<String> complaints, List<RuleProblem> problems) {
    problems.add(p);
    complaints.add(p.toString());
    if (logged.add(p.toString())) {
      log.warn("weir: " + p);
    }
  }

  /**
   * A kill switch that exists is on, unless its value is {@code false}, {@code 0} or {@code no}.
   */
  private static void off(KeyState h, RuleBook.Builder book) {
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
    for (KeyState h : states.values()) {
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
