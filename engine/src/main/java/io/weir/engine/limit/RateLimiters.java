package io.weir.engine.limit;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.measure.TimedRule;
import io.weir.engine.rules.RateLimitRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All rate limit rules of one service and side. Each of them must admit a call. Keyed rules decide
 * before global ones. When a rule refuses, the call gives back the tokens taken from earlier rules.
 *
 * <p>Threads: {@link #build} on one control thread, everything else on any.
 */
public final class RateLimiters implements CallLedger.Timer {
  /** Receives the counters of each rule, see {@link RateLimiters#read}. */
  public interface Counts {
    /**
     * @param hits calls the rule admitted, since it first came into force, across edits
     * @param exceeded calls it refused, or in shadow mode would have refused
     * @param keys buckets a keyed rule holds, 0 for a global one
     * @param overflowed calls of new keys that found no room and shared the overflow bucket
     */
    void rule(RateLimitRule rule, long hits, long exceeded, int keys, long overflowed);
  }

  /** A rule in force, as the control plane, statistics and commands see it. */
  public interface Running {
    RateLimitRule rule();

    /** The rate in force, calls per second; infinite when the rule has none. */
    double qps();

    /** Calls it admitted since it first came into force, across edits. */
    long admitted();

    /** Calls it refused, or in shadow mode would have refused. */
    long exceeded();

    /** How many calls may be under way at present; 0 when there is no such limit. */
    int concurrencyLimit();

    /** How many calls are under way; 0 when there is no such limit. */
    int inFlight();

    /**
     * Latencies and failures of the calls that a rule with {@code auto} has admitted. Null for
     * other rules, while nothing is measured, and beyond the first 32 rules.
     */
    @Nullable LatencyRecorder latency();

    /**
     * Puts another rate into force, within the bounds of {@code auto}; only for a rule that has it.
     * Tokens carry over as with an edit. Control thread only.
     */
    void retune(double qps, long now);
  }

  /** A ledger remembers in an int, one bit a rule, which rules to report the latency to. */
  private static final int MAX_TIMED = 32;

  /** Keyed rules first. */
  private final RateLimiter[] limits;

  private final boolean paces;

  /** The rules with auto: bit i stands for limits[i]. */
  private final int timed;

  private RateLimiters(RateLimiter[] limits) {
    this.limits = limits;
    boolean paces = false;
    int timed = 0;
    for (int i = 0; i < limits.length; i++) {
      RateLimitRule rule = limits[i].rule;
      paces |= rule.maxWaitNanos > 0 && !rule.shadow;
      if (rule.auto != null && i < MAX_TIMED) {
        timed |= 1 << i;
      }
    }
    this.paces = paces;
    this.timed = timed;
  }

  /**
   * @param before the limiters in force so far, whose tokens carry over by rule id, or null. Calls
   *     that still use them take from the successors of their buckets from now on
   * @param now nano clock
   * @return null when no enabled rule is about this side
   */
  public static @Nullable RateLimiters build(
      @Nullable RateLimiters before, List<RateLimitRule> rules, RateLimitRule.Side side, long now) {
    Map<String, RateLimiter> old = new HashMap<String, RateLimiter>();
    if (before != null) {
      for (RateLimiter l : before.limits) {
        old.put(l.rule.id, l);
      }
    }
    List<RateLimiter> keyed = new ArrayList<RateLimiter>();
    List<RateLimiter> global = new ArrayList<RateLimiter>();
    for (RateLimitRule r : rules) {
      if (r.enabled && r.side == side) {
        RateLimiter o = old.remove(r.id);
        RateLimiter l = o != null && unchanged(o.rule, r) ? o : new RateLimiter(r, o, now);
        (l.isKeyed() ? keyed : global).add(l);
      }
    }
    keyed.addAll(global);
    return keyed.isEmpty() ? null : new RateLimiters(keyed.toArray(new RateLimiter[0]));
  }

  private static boolean unchanged(RateLimitRule a, RateLimitRule b) {
    return a == b || !a.fingerprint.isEmpty() && a.fingerprint.equals(b.fingerprint);
  }

  /**
   * Takes the tokens of a call from every rule that matches it.
   *
   * @return false when a rule refuses: the ledger holds the refusal, and nothing has been taken
   */
  public <C> boolean admit(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    int admitted = 0;
    boolean exempt = ledger.mayBeExempt();
    for (int i = 0; i < limits.length; i++) {
      if (exempt && limits[i].exempts(ledger)) {
        continue;
      }
      int how = limits[i].admit(source, call, now, ledger);
      if (how == RateLimiter.REFUSED) {
        ledger.giveBackTokens(now);
        return false;
      }
      if (i < MAX_TIMED) {
        admitted |= how << i;
      }
    }
    if ((admitted & timed) != 0) {
      ledger.timed(this, admitted & timed);
    }
    return true;
  }

  @Override
  public void took(int which, long nanos, boolean failed) {
    for (int left = which; left != 0; left &= left - 1) {
      LatencyRecorder l = limits[Integer.numberOfTrailingZeros(left)].latency();
      if (l != null) {
        l.record(failed, nanos);
      }
    }
  }

  /** Passes the rules with auto to {@code to}, as far as they are among the first 32 rules. */
  public void timed(TimedRule.Each to) {
    for (int left = timed; left != 0; left &= left - 1) {
      RateLimiter l = limits[Integer.numberOfTrailingZeros(left)];
      to.rule("rate-limit", l.rule.id, 0, l);
    }
  }

  /** Whether a call may have to wait. */
  public boolean paces() {
    return paces;
  }

  /** Passes the counters of every rule to {@code to}, keyed rules first. */
  public void read(Counts to) {
    for (RateLimiter l : limits) {
      KeyedBuckets table = l.table();
      to.rule(
          l.rule,
          l.admitted(),
          l.exceeded.sum(),
          table == null ? 0 : table.size(),
          table == null ? 0 : table.overflowed());
    }
  }

  /** Every rule in force, keyed ones first. */
  public List<Running> running() {
    return Collections.unmodifiableList(Arrays.<Running>asList(limits));
  }
}
