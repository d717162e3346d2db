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
 * One version of a rule in front of its {@link CircuitBreaker}: a call that was let in under it is
 * also judged by it, whatever has been edited meanwhile.
 */
final class BreakerRuleEdition implements CallLedger.Recorder, SlidingWindow.Judge {
  /** So that 0.07 of 100 calls is 7, not 8. */
  private static final double ROUNDING = 1e-9;

  private static final int DEFAULT_STATUS = 503;

  private static final int HTTP_OK = Outcome.http(200);
  private static final int GRPC_OK = Outcome.grpc(GrpcCodes.OK);

  final CircuitBreakerRule rule;
  final CircuitBreaker breaker;

  /** Null: about every call. */
  final @Nullable MatchExpression match;

  private final OutcomeClassifier classifier;
  private final Refusal refusal;

  /** A count window can hold no more calls than its size. */
  private final long minCalls;

  // of the rule and the classifier, beside what each call reads of this anyway

  private final boolean forced;
  private final long slowCallNanos;
  private final long minNanos;
  final int consecutiveFailures;

  /** Whether an answer 200, or OK over gRPC, is a success: all but the strangest rules say so. */
  private final boolean http200;

  private final boolean grpcOk;

  BreakerRuleEdition(
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
      breaker.givenBack(permit);
      return;
    }
    int seen = 0;
    if (verdict != OutcomeClassifier.SUCCESS) {
      breaker.failed.increment();
      seen =
          verdict == OutcomeClassifier.FAILURE
              ? SlidingWindow.FAILED
              : SlidingWindow.FAILED | SlidingWindow.OWN;
    }
    long took = now - ledger.startNanos();
    if (slowCallNanos > 0 && took >= slowCallNanos) {
      seen |= SlidingWindow.SLOW;
    }
    LatencyRecorder l = breaker.latency();
    if (l != null) {
      l.record(took);
    }
    breaker.ended(this, permit, seen, now);
  }

  private int judge(int outcome, @Nullable Throwable thrown) {
    try {
      return classifier.classify(outcome, thrown);
    } catch (Throwable t) {
      return OutcomeClassifier
          .OWN; // what cannot be judged is recorded here; the permit never leaks
    }
  }

  @Override
  public void abandon(CallLedger ledger, long now) {
    breaker.givenBack(ledger.breakerPermit());
  }

  @Override
  public boolean times() {
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
