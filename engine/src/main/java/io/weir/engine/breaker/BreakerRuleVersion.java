package io.weir.engine.breaker;

import io.weir.engine.call.Refusal;
import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.measure.LatencyRecorder;
import io.weir.engine.outcome.Outcome;
import io.weir.engine.rules.CircuitBreakerRule;
import org.jspecify.annotations.Nullable;

/**
 * One version of a circuit breaker rule. It admits calls to its {@link CircuitBreaker} and records
 * their outcomes.
 *
 * <p>An edit of the rule makes a new version in front of the same breaker. A call is judged by the
 * version that admitted it, even if the rule has been edited since.
 */
final class BreakerRuleVersion implements CallLedger.Recorder, SlidingWindow.Judge {
  /** A tolerance for rounding: 0.07 of 100 calls is 7 failures, not 8. */
  private static final double ROUNDING = 1e-9;

  private static final int DEFAULT_STATUS = 503;

  private static final int HTTP_OK = Outcome.http(200);
  private static final int GRPC_OK = Outcome.grpc(GrpcCodes.OK);

  final CircuitBreakerRule rule;
  final CircuitBreaker breaker;

  /** Null when the rule is about every call. */
  final @Nullable MatchExpression match;

  private final OutcomeClassifier classifier;
  private final Refusal refusal;

  /** At most the size of a count window, which never holds more calls. */
  private final long minCalls;

  // Copies of fields of the rule and the classifier: each call reads this object anyway.

  private final boolean forced;
  private final long slowCallNanos;
  private final long minNanos;
  final int consecutiveFailures;

  /**
   * Whether HTTP 200 is a success under this rule, as it is under nearly every rule. The same for
   * gRPC OK below. Such a call skips the classifier.
   */
  private final boolean http200;

  private final boolean grpcOk;

  BreakerRuleVersion(
      CircuitBreakerRule rule, CircuitBreaker breaker, OutcomeClassifier classifier) {
    this.rule = rule;
    this.breaker = breaker;
    this.match = rule.match == MatchExpression.ALWAYS ? null : rule.match;
    this.classifier = classifier;
    this.minCalls = rule.countWindow ? Math.min(rule.minCalls, rule.windowSize) : rule.minCalls;
    forced = rule.force != CircuitBreakerRule.Force.NONE;
    slowCallNanos = rule.slowCallNanos;
    minNanos = rule.minNanos;
    consecutiveFailures = rule.consecutiveFailures;
    http200 = judge(HTTP_OK, null) == OutcomeClassifier.SUCCESS;
    grpcOk = judge(GRPC_OK, null) == OutcomeClassifier.SUCCESS;
    this.refusal =
        new Refusal(
            Refusal.Kind.BREAKER,
            rule.id,
            rule.response.status == 0 ? DEFAULT_STATUS : rule.response.status,
            rule.response.headers,
            rule.response.body,
            rule.response.throwing,
            null);
  }

  /**
   * Admits or refuses a call.
   *
   * @return false when the call is refused; the ledger then has the refusal
   */
  boolean admit(long now, CallLedger ledger) {
    long permit = breaker.admit(rule, forced, now);
    if (permit >= 0) {
      ledger.permit(this, permit);
      return true;
    }
    if (permit == CircuitBreaker.UNRECORDED) {
      return true;
    }
    breaker.refused.increment();
    return rule.shadow || ledger.refuse(refusal, breaker.retryAfter(now));
  }

  @Override
  public void record(CallLedger ledger, int outcome, @Nullable Throwable thrown, long now) {
    boolean plain =
        thrown == null && (outcome == HTTP_OK && http200 || outcome == GRPC_OK && grpcOk);
    int verdict = plain ? OutcomeClassifier.SUCCESS : judge(outcome, thrown);
    long permit = ledger.breakerPermit();
    if (verdict == OutcomeClassifier.IGNORED) {
      breaker.ignored.increment();
      breaker.release(permit);
      return;
    }
    int result = 0;
    if (verdict != OutcomeClassifier.SUCCESS) {
      breaker.failed.increment();
      result =
          verdict == OutcomeClassifier.FAILURE
              ? SlidingWindow.FAILED
              : SlidingWindow.FAILED | SlidingWindow.NOT_SHARED;
    }
    long took = now - ledger.startNanos();
    if (slowCallNanos > 0 && took >= slowCallNanos) {
      result |= SlidingWindow.SLOW;
    }
    LatencyRecorder l = breaker.latency();
    if (l != null) {
      l.record(took);
    }
    breaker.ended(this, permit, result, now);
  }

  private int judge(int outcome, @Nullable Throwable thrown) {
    try {
      return classifier.classify(outcome, thrown);
    } catch (Throwable t) {
      // an outcome that cannot be judged is a failure; an exception here would lose the permit
      return OutcomeClassifier.FAILURE_NOT_SHARED;
    }
  }

  @Override
  public void abandon(CallLedger ledger, long now) {
    breaker.release(ledger.breakerPermit());
  }

  @Override
  public boolean needsDuration() {
    return slowCallNanos > 0 || breaker.latency() != null;
  }

  @Override
  public int circuit() {
    return breaker.circuit();
  }

  @Override
  public long minNanos() {
    return minNanos;
  }

  @Override
  public boolean trips(long calls, long failures, long slow) {
    if (calls < minCalls) {
      return false;
    }
    return failures > 0 && failures + ROUNDING >= rule.failureRatio * calls
        || slowCallNanos > 0 && slow > 0 && slow + ROUNDING >= rule.slowRatio * calls;
  }
}
