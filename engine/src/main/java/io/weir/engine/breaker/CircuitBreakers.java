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
 * The circuit breaker rules of one target service. The first rule that matches a call governs it.
 *
 * <p>Immutable. The running state of each rule is a {@link CircuitBreaker}; it is carried over by
 * rule id when rules are edited.
 */
public final class CircuitBreakers {
  private static final DoubleSupplier RANDOM =
      new DoubleSupplier() {
        @Override
        public double getAsDouble() {
          return ThreadLocalRandom.current().nextDouble();
        }
      };

  private final BreakerRuleVersion[] versions;
  private final List<CircuitBreaker> all;

  private CircuitBreakers(BreakerRuleVersion[] versions) {
    this.versions = versions;
    List<CircuitBreaker> l = new ArrayList<CircuitBreaker>();
    for (BreakerRuleVersion v : versions) {
      l.add(v.breaker);
    }
    all = Collections.unmodifiableList(l);
  }

  /**
   * @param target service the calls go to; a rule for {@code *} has one breaker per target
   * @param before the rules before, whose running state is carried over by rule id; or null
   * @return null when there are no rules
   * @throws IllegalArgumentException when a rule names a status or code that does not exist
   */
  public static @Nullable CircuitBreakers build(
      String target, @Nullable CircuitBreakers before, List<CircuitBreakerRule> rules, long now) {
    return build(target, before, rules, now, RANDOM);
  }

  /**
   * As the method above, with a random source of the caller's own.
   *
   * @param draw returns numbers from 0 inclusive to 1 exclusive, for jitter and ramp; called from
   *     any thread
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
    BreakerRuleVersion[] versions = new BreakerRuleVersion[rules.size()];
    for (int i = 0; i < versions.length; i++) {
      CircuitBreakerRule rule = rules.get(i);
      BreakerRuleVersion old = before == null ? null : before.version(rule.id);
      if (old == null) {
        versions[i] =
            new BreakerRuleVersion(
                rule, new CircuitBreaker(target, rule, draw, now), new OutcomeClassifier(rule));
      } else if (!rule.fingerprint.isEmpty() && rule.fingerprint.equals(old.rule.fingerprint)) {
        versions[i] = old;
      } else {
        versions[i] = new BreakerRuleVersion(rule, old.breaker, new OutcomeClassifier(rule));
        old.breaker.edited(rule, now);
      }
    }
    return new CircuitBreakers(versions);
  }

  private @Nullable BreakerRuleVersion version(String id) {
    for (BreakerRuleVersion v : versions) {
      if (v.rule.id.equals(id)) {
        return v;
      }
    }
    return null;
  }

  /**
   * Asks the breaker of the first matching rule for a permit.
   *
   * @return true: admitted. The ledger may hold a permit, so the call must be ended or abandoned.
   *     False: refused; the ledger has the refusal
   */
  public <C> boolean admit(AttributeSource<C> source, C call, long now, CallLedger ledger) {
    boolean exempt = ledger.mayBeExempt();
    for (BreakerRuleVersion v : versions) {
      if (exempt && ledger.isExempt(v.rule, true)) {
        continue;
      }
      if (v.match == null || v.match.test(source, call)) {
        return v.admit(now, ledger);
      }
    }
    return true;
  }

  /** Calls {@code to} for each rule that judges slow calls. */
  public void timed(TimedRule.Each to) {
    for (BreakerRuleVersion v : versions) {
      if (v.rule.slowCallNanos > 0) {
        to.rule("circuit-breaker", v.rule.id, v.rule.slowCallNanos, v.breaker);
      }
    }
  }

  /** The breakers in the order of their rules. */
  public List<CircuitBreaker> all() {
    return all;
  }
}
