package io.weir.engine.breaker;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.measure.TimedRule;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The breaker rules of one target service; the first that matches a call governs it. Immutable;
 * what runs behind each rule is a {@link CircuitBreaker} that is carried over by rule id.
 */
public final class CircuitBreakers {
  private static final DoubleSupplier RANDOM =
      new DoubleSupplier() {
        @Override
        public double getAsDouble() {
          return ThreadLocalRandom.current().nextDouble();
        }
      };

  private final BreakerRuleEdition[] guards;
  private final List<CircuitBreaker> all;

  private CircuitBreakers(BreakerRuleEdition[] guards) {
    this.guards = guards;
    List<CircuitBreaker> l = new ArrayList<CircuitBreaker>();
    for (BreakerRuleEdition g : guards) {
      l.add(g.breaker);
    }
    all = Collections.unmodifiableList(l);
  }

  /**
   * @param target service the calls go to; a rule for {@code *} has a breaker per target
   * @param before running state carried over by rule id, or null
   * @return null when there are no rules
   * @throws IllegalArgumentException when a rule names a status or code that is none
   */
  public static @Nullable CircuitBreakers build(
      String target, @Nullable CircuitBreakers before, List<CircuitBreakerRule> rules, long now) {
    return build(target, before, rules, now, RANDOM);
  }

  /**
   * As {@link #build(String, Breakers, List, long)}, with dice of the caller's own.
   *
   * @param draw 0 inclusive to 1 exclusive, for jitter and ramp; called from any thread
   */
  public static @Nullable CircuitBreakers build(
      String target,
      @Nullable CircuitBreakers before,
      List<CircuitBreakerRule> rules,
      long now,
      DoubleSupplier draw) {
    if (rules.isEmpty()) {
      return null;
    }
    BreakerRuleEdition[] guards = new BreakerRuleEdition[rules.size()];
    for (int i = 0; i < guards.length; i++) {
      CircuitBreakerRule rule = rules.get(i);
      BreakerRuleEdition old = before == null ? null : before.guard(rule.id);
      if (old == null) {
        guards[i] =
            new BreakerRuleEdition(
                rule, new CircuitBreaker(target, rule, draw, now), new OutcomeClassifier(rule));
      } else if (!rule.fingerprint.isEmpty() && rule.fingerprint.equals(old.rule.fingerprint)) {
        guards[i] = old;
      } else {
        guards[i] = new BreakerRuleEdition(rule, old.breaker, new OutcomeClassifier(rule));
        old.breaker.edited(rule, now);
      }
    }
    return new CircuitBreakers(guards);
  }

  private @Nullable BreakerRuleEdition guard(String id) {
    for (BreakerRuleEdition g : guards) {
      if (g.rule.id.equals(id)) {
        return g;
      }
    }
    return null;
  }

  /** Asks for a permit; when granted the ledger carries it and must be ended. */
  public <C> boolean admit(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    boolean exempt = ledger.mayBeExempt();
    for (BreakerRuleEdition g : guards) {
      if (exempt && ledger.isExempt(g.rule, true)) {
        continue;
      }
      if (g.match == null || g.match.test(source, call)) {
        return g.admit(now, ledger);
      }
    }
    return true;
  }

  /** Tells {@code to} about the breakers that judge slow calls. */
  public void timed(TimedRule.Each to) {
    for (BreakerRuleEdition g : guards) {
      if (g.rule.slowCallNanos > 0) {
        to.rule("circuit-breaker", g.rule.id, g.rule.slowCallNanos, g.breaker);
      }
    }
  }

  /** The breakers in the order of their rules. */
  public List<CircuitBreaker> all() {
    return all;
  }
}
