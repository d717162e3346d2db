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
 * All limiter rules of one service and side: each must admit; keyed rules are asked before global
 * ones, and what earlier rules gave goes back when a later one refuses.
 *
 * <p>Threads: {@link #build} on one control thread, everything else on any.
 */
public final class RateLimiters implements CallLedger.Timer {
  /** Takes what one rule has decided so far. */
  public interface Counts {
    /**
     * @param hits calls the rule admitted, since it first came into force, across edits
     * @param exceeded calls it refused; in shadow mode, would have refused
     * @param keys buckets a keyed rule holds, 0 for a global one
     * @param overflowed calls of new keys that found no room and shared the overflow bucket
     */
    void rule(RateLimitRule rule, long hits, long exceeded, int keys, long overflowed);
  }

  /** A rule in force, for those who look after it off the request path. */
  public interface Running {
    RateLimitRule rule();

    /** The rate in force, calls per second; infinite when the rule has none. */
    double qps();

    /** Calls it admitted since it first came into force, across edits. */
    long admitted();

    /** Calls it refused; in shadow mode, would have refused. */
    long exceeded();

    /** How many calls may be under way just now; 0 for any number. */
    int concurrencyLimit();

    /** How many of them are. */
    int inFlight();

    /**
     * How long the calls took that a rule with {@code auto} let in, and which of them failed; null
     * for other rules, while nobody measures, and where there are too many such rules.
     */
    @Nullable LatencyRecorder latency();

    /**
     * Puts another rate into force, within the bounds of the rule's {@code auto}, which must be
     * there. Tokens carry over as with an edit. Control thread only.
     */
    void retune(double qps, long now);
  }

  /** Rules have a bit each in what a ledger remembers. */
  private static final int MOST_TIMED = 32;

  private final RateLimiter[] limits;
  private final boolean paces;

  /** The rules with auto, which are told how long the calls took that they let in: a bit each. */
  private final int timed;

  private RateLimiters(RateLimiter[] limits) {
    this.limits = limits;
    boolean paces = false;
    int timed = 0;
    for (int i = 0; i < limits.length; i++) {
      RateLimitRule rule = limits[i].rule;
      paces |= rule.maxWaitNanos > 0 && !rule.shadow;
      if (rule.auto != null && i < MOST_TIMED) {
        timed |= 1 << i;
      }
    }
    this.paces = paces;
    this.timed = timed;
  }

  /**
   * @param before the running state whose tokens carry over by rule id, or null; calls that still
   *     use it take from the successors of its buckets from now on
   * @param now nano clock
   * @return null when {@code rules} holds none for {@code side}
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
        (l.keyed() ? keyed : global).add(l);
      }
    }
    keyed.addAll(global);
    return keyed.isEmpty() ? null : new RateLimiters(keyed.toArray(new RateLimiter[0]));
  }

  private static boolean unchanged(RateLimitRule a, RateLimitRule b) {
    return a == b || !a.fingerprint.isEmpty() && a.fingerprint.equals(b.fingerprint);
  }

  /**
   * Takes tokens for a call; on refusal the ledger carries the refusal and nothing has been taken.
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
      if (i < MOST_TIMED) {
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

  /** Tells {@code to} about the rules with auto, as far as they are among the first 32. */
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

  /** Tells {@code to} about every rule, keyed ones first. */
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

  /** Every rule as it runs, keyed ones first. */
  public List<Running> running() {
    return Collections.unmodifiableList(Arrays.<Running>asList(limits));
  }
}
