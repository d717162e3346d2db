package io.weir.agent.cli;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.Refusal;
import io.weir.engine.call.Ticket;
import io.weir.engine.limit.Limits;
import io.weir.engine.rules.LimitRule;
import io.weir.engine.rules.RuleBook;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Puts logged calls to the agent's own limiter on a clock of the log's.
 *
 * <p>A log that knows whole seconds only would make each second's calls one burst that never was,
 * so calls of one second are spread evenly over it. Logs are written when a call ends: a line that
 * is older than the one before counts as simultaneous with it, since the clock may not go back.
 *
 * <p>One thread.
 */
final class Replay implements AccessLog.Reader {
  /** Refused calls of one key, and of which rule. */
  static final class Refused {
    final String rule;
    final String key;
    long count;

    Refused(String rule, String key) {
      this.rule = rule;
      this.key = key;
    }
  }

  private static final long SECOND = 1_000_000_000L;
  private static final int MOST_KEYS = 200_000;
  private static final String OTHERS = "(others)";

  private final Limits limits;
  private final boolean client;
  private final double speed;
  private final Map<String, LimitRule> rules = new HashMap<String, LimitRule>();
  private final Map<String, Refused> refusedByKey = new HashMap<String, Refused>();

  /** By minute since 1970: calls, refused. */
  private final TreeMap<Long, long[]> minutes = new TreeMap<Long, long[]>();

  private final Ticket ticket = new Ticket();

  /** Calls of one whole second, still to be spread. */
  private final List<Call> second = new ArrayList<Call>();

  private long secondNanos;
  private boolean coarse;
  private long start = Long.MIN_VALUE;
  private long now;
  private long calls;
  private long refused;
  private long paced;
  private long longestWait;

  /**
   * @param speed how many times as fast as logged, above 0
   */
  Replay(RuleBook book, String service, LimitRule.Side side, double speed) {
    client = side == LimitRule.Side.CLIENT;
    this.speed = speed;
    limits = Limits.build(null, book.limits(service), side, 0);
    for (LimitRule r : book.limits(service)) {
      if (r.side == side) {
        rules.put(r.id, r);
      }
    }
  }

  boolean hasRules() {
    return limits != null;
  }

  @Override
  public void call(Call call, long nanos, boolean wholeSeconds) {
    if (!second.isEmpty() && (nanos != secondNanos || !wholeSeconds)) {
      spread();
    }
    if (wholeSeconds) {
      coarse = true;
      secondNanos = nanos;
      second.add(call);
    } else {
      decide(call, nanos);
    }
  }

  /** What is held back goes through; call once at the end. */
  void end() {
    spread();
  }

  private void spread() {
    int n = second.size();
    for (int i = 0; i < n; i++) {
      decide(second.get(i), secondNanos + SECOND / n * i);
    }
    second.clear();
  }

  private void decide(Call call, long nanos) {
    if (start == Long.MIN_VALUE) {
      start = nanos;
    }
    now = Math.max(now, (long) ((nanos - start) / speed));
    calls++;
    long[] minute = minutes.get(Math.floorDiv(nanos, 60 * SECOND));
    if (minute == null) {
      minute = new long[2];
      minutes.put(Math.floorDiv(nanos, 60 * SECOND), minute);
    }
    minute[0]++;
    ticket.begin(now, null);
    if (limits.admit(client ? Call.OUTBOUND : Call.INBOUND, call, now, ticket)) {
      if (ticket.waitNanos() > 0) {
        paced++;
        longestWait = Math.max(longestWait, ticket.waitNanos());
      }
      return;
    }
    refused++;
    minute[1]++;
    count(call, ticket.refusal());
  }

  private void count(Call call, Refusal refusal) {
    LimitRule rule = rules.get(refusal.ruleId());
    StringBuilder key = new StringBuilder();
    for (Attribute a : rule.by) {
      String v = a.read(client ? Call.OUTBOUND : Call.INBOUND, call);
      key.append(key.length() == 0 ? "" : " ").append(a).append('=').append(v == null ? "-" : v);
    }
    if (rule.by.isEmpty()) {
      key.append("path=").append(call.path);
    }
    String name = rule.id + "\n" + key;
    Refused r = refusedByKey.get(name);
    if (r == null) {
      boolean full = refusedByKey.size() >= MOST_KEYS;
      name = full ? rule.id + "\n" + OTHERS : name;
      r = refusedByKey.get(name);
      if (r == null) {
        r = new Refused(rule.id, full ? OTHERS : key.toString());
        refusedByKey.put(name, r);
      }
    }
    r.count++;
  }

  // ---- what came of it

  long calls() {
    return calls;
  }

  long refused() {
    return refused;
  }

  long paced() {
    return paced;
  }

  long longestWaitNanos() {
    return longestWait;
  }

  /** The log knows whole seconds only. */
  boolean coarse() {
    return coarse;
  }

  /** From the first call to the last, as logged. */
  long spanNanos() {
    return (long) (now * speed);
  }

  /** {minute since 1970, calls, refused} of the minute with most refusals, or null. */
  long[] worstMinute() {
    long[] worst = null;
    for (Map.Entry<Long, long[]> m : minutes.entrySet()) {
      if (m.getValue()[1] > 0 && (worst == null || m.getValue()[1] > worst[2])) {
        worst = new long[] {m.getKey(), m.getValue()[0], m.getValue()[1]};
      }
    }
    return worst;
  }

  /** The busiest minute's calls per second. */
  double peak() {
    long most = 0;
    for (long[] m : minutes.values()) {
      most = Math.max(most, m[0]);
    }
    return most / 60.0 * speed;
  }

  /** Most refused first. */
  List<Refused> top(int n) {
    List<Refused> all = new ArrayList<Refused>(refusedByKey.values());
    all.sort((a, b) -> a.count == b.count ? a.key.compareTo(b.key) : a.count > b.count ? -1 : 1);
    return all.subList(0, Math.min(n, all.size()));
  }

  void rules(Limits.Counts to) {
    limits.read(to);
  }
}
