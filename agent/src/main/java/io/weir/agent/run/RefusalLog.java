package io.weir.agent.run;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/**
 * Tells in the log that a rule refuses calls: one line for the first refusal, and for the first
 * after each minute. Calls only count; this reads the counters once a second.
 *
 * <p>Control loop only. It remembers the rules that are in force and have refused, no others.
 */
final class RefusalLog {
  static final long LOOK_NANOS = 1_000_000_000L;
  static final long QUIET_NANOS = 60_000_000_000L;

  /** In one look; more rules than these are told as a number. */
  static final int MOST_LINES = 20;

  /** A rule that has refused. */
  private static final class Refusing {
    /** As its counter said when it was looked at last. */
    long count;

    /** Not told yet. */
    long more;

    boolean told;
    long toldAt;
    boolean seen;
  }

  private final Engine engine;
  private final Loop loop;
  private final Log log;
  private final Map<String, Refusing> rules = new HashMap<String, Refusing>();
  private int lines;
  private int untold;

  RefusalLog(Engine engine, Loop loop, Log log) {
    this.engine = engine;
    this.loop = loop;
    this.log = log;
  }

  /** From now on, until the loop ends. */
  void start() {
    loop.schedule(
        () -> {
          try {
            look();
          } finally {
            start();
          }
        },
        LOOK_NANOS);
  }

  private void look() {
    lines = 0;
    untold = 0;
    for (ServicePlan p : engine.snapshot().plans()) {
      if (p.server() != null) {
        p.server()
            .read(
                (rule, admitted, exceeded, keys, overflowed) ->
                    count(
                        exceeded, rule.shadow, "rate limit", rule.id, "calls to this service", p));
      }
      if (p.client() != null) {
        p.client()
            .read(
                (rule, admitted, exceeded, keys, overflowed) ->
                    count(exceeded, rule.shadow, "rate limit", rule.id, "calls to", p));
      }
      if (p.breakers() != null) {
        for (CircuitBreaker b : p.breakers().all()) {
          boolean shadow = b.rule().shadow;
          count(b.refusedCount(), shadow, "circuit breaker", b.rule().id, "calls to", p);
        }
      }
      if (p.router() != null) {
        count(p.router().counters().refused(), false, "routing rules", "", "calls to", p);
      }
    }
    if (untold > 0) {
      log.info("weir: " + untold + " more rules refuse calls");
    }
    for (Iterator<Refusing> i = rules.values().iterator(); i.hasNext(); ) {
      Refusing r = i.next();
      if (!r.seen) {
        i.remove(); // no longer in force
      }
      r.seen = false;
    }
  }

  /**
   * @param shadow the counter counts what would be refused
   */
  private void count(
      long refused, boolean shadow, String kind, String id, String calls, ServicePlan plan) {
    if (refused == 0) {
      return; // most rules; no key is built for them
    }
    String name = kind + (id.isEmpty() ? "" : " \"" + id + '"') + " refused ";
    String key = name + calls + plan.service();
    Refusing r = rules.get(key);
    if (r == null) {
      r = new Refusing();
      rules.put(key, r);
    }
    r.seen = true;
    boolean news = !shadow && refused > r.count;
    r.more += news ? refused - r.count : 0;
    r.count = refused;
    long now = loop.now();
    if (!news || r.told && now - r.toldAt < QUIET_NANOS) {
      return;
    }
    if (lines++ < MOST_LINES) {
      log.info(
          "weir: "
              + name
              + r.more
              + (r.more == 1 ? calls.replace("calls", " call") : " " + calls)
              + (calls.endsWith(" to") ? " " + plan.service() : " (" + plan.service() + ")")
              + (r.told
                  ? " since it was told last, " + (now - r.toldAt) / 1_000_000_000L + " s ago"
                  : "; told again after a minute at the earliest"));
    } else {
      untold++;
    }
    r.told = true;
    r.toldAt = now;
    r.more = 0;
  }
}
