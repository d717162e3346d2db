package io.weir.instrumentation.api.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.RefusalResponse;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.Rule;
import io.weir.engine.rules.RuleBook;
import io.weir.instrumentation.api.pacing.PacedWait;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ClientCallTest {
  private final AtomicLong now = new AtomicLong(1);
  private final Engine engine = new Engine(EngineOptions.of("front", now::get));
  private final ClientGate<Map<String, String>, Integer> gate =
      new ClientGate<>(engine, new Words());

  private void rules(Rule... rules) {
    RuleBook.Builder book = new RuleBook.Builder();
    for (Rule r : rules) {
      book.add(r);
    }
    engine.apply(book.build());
  }

  private ClientCall<Map<String, String>, Integer> call() {
    return gate.decide(Words.request(), null);
  }

  private static RateLimitRule.Builder limit() {
    return RateLimitRule.builder().id("l1").service("pay").side(RateLimitRule.Side.CLIENT);
  }

  private CircuitBreaker breaker() {
    rules(CircuitBreakerRule.builder().id("b1").service("pay").minCalls(20).build());
    return engine.plan("pay").breakers().all().get(0);
  }

  @Test
  void aCallNoRuleIsAboutIsNotGoverned() {
    assertThat(call()).isNull();
    Map<String, String> request = Words.request();
    assertThat(gate.propagate(request)).isSameAs(request);
  }

  @Test
  void aRefusedCallIsAnsweredOrThrownAsTheRuleHasIt() throws IOException {
    rules(limit().qps(0).build());
    assertThat(call().admitted()).isFalse();
    assertThat(call().refusal()).isEqualTo(429);
    rules(limit().qps(0).response(new RefusalResponse(0, Map.of(), null, true)).build());
    assertThatThrownBy(() -> call().refusal())
        .isExactlyInstanceOf(IOException.class)
        .hasMessage("call to pay refused by Weir: rate limit \"l1\" exceeded");
  }

  @Test
  void whateverTheEngineThrowsTheCallPasses() {
    rules(
        limit()
            .qps(0)
            .match(
                new MatchExpression() {
                  @Override
                  public <C> boolean test(AttributeSource<C> source, C call) {
                    throw new IllegalStateException("planted");
                  }
                })
            .build());
    assertThat(call().admitted()).isTrue();
  }

  @Test
  void onlyTheFirstEndCounts() {
    CircuitBreaker b = breaker();
    ClientCall<Map<String, String>, Integer> call = call();
    call.failed(new IOException("reset"));
    call.failed(new IOException("again"));
    call.endedAtOnce();
    call.abandon();
    assertThat(b.failedCount()).isEqualTo(1);
  }

  @Test
  void anAnswerCountsWhenItsBodyEnds() throws IOException {
    CircuitBreaker b = breaker();
    ClientCall<Map<String, String>, Integer> call = call();
    assertThat(call.answered(200, Words.request())).isFalse();
    InputStream broken =
        new FilterInputStream(new ByteArrayInputStream(new byte[4])) {
          @Override
          public int read(byte[] to, int from, int most) throws IOException {
            throw new IOException("Connection reset");
          }
        };
    InputStream body = new TrackedInputStream(broken, call);
    assertThat(b.failedCount()).isZero();
    assertThatThrownBy(() -> body.read(new byte[4])).hasMessage("Connection reset");
    assertThat(b.failedCount()).isEqualTo(1);
    body.close();
    assertThat(b.failedCount()).isEqualTo(1);
  }

  @Test
  void aBodyReadBeforeItsAnswerIsTheLibrarysOwn() {
    breaker();
    ClientCall<Map<String, String>, Integer> call = call();
    int redirect = call.opened();
    call.ended(redirect);
    int own = call.opened();
    assertThat(call.answered(200, Words.request())).isFalse();
    call.ended(redirect);
    assertThat(call.hasEnded()).isFalse();
    call.ended(own);
    assertThat(call.hasEnded()).isTrue();
  }

  @Test
  void aReadUnderWayIsWaitedForHoweverLongItTakes() {
    rules(limit().qps(10).build());
    ClientCall<Map<String, String>, Integer> call = call();
    call.answered(200, Words.request());
    call.reads();
    now.addAndGet(10 * BodyTracker.PATIENCE_NANOS);
    assertThat(call.isOver()).isFalse();
    call.hasRead();
    assertThat(call.isOver()).isFalse();
    now.addAndGet(2 * BodyTracker.PATIENCE_NANOS);
    assertThat(call.isOver()).isTrue();
  }

  /**
   * Of a call that nobody times the clock is not read when the answer comes: patience is as long.
   */
  @Test
  void anUnreadBodyOfACallNobodyTimesCountsAfterPatienceFromTheFirstLook() {
    rules(limit().qps(10).build());
    ClientCall<Map<String, String>, Integer> call = call();
    call.answered(200, Words.request());
    now.addAndGet(10 * BodyTracker.PATIENCE_NANOS);
    assertThat(call.isOver()).isFalse();
    now.addAndGet(BodyTracker.PATIENCE_NANOS / 2);
    assertThat(call.isOver()).isFalse();
    now.addAndGet(BodyTracker.PATIENCE_NANOS);
    assertThat(call.isOver()).isTrue();
  }

  @Test
  void aCallWithinACallIsBoundInItsPlace() {
    breaker();
    ClientCall<?, ?> outer = call();
    Object[] cell = CurrentCall.cell();
    ClientCall<?, ?> first = CurrentCall.swap(cell, outer);
    for (ClientCall<?, ?> within : new ClientCall<?, ?>[] {call(), null}) {
      ClientCall<?, ?> before = CurrentCall.swap(cell, within);
      assertThat((Object) CurrentCall.of(Words.class)).isSameAs(within);
      CurrentCall.swap(cell, before);
      assertThat((Object) CurrentCall.of(Words.class)).isSameAs(outer);
    }
    CurrentCall.swap(cell, first);
    assertThat((Object) CurrentCall.of(Words.class)).isNull();
  }

  @Test
  void aDecisionIsTakenOnceAndGivenBackWhenNobodyTakesIt() {
    rules(limit().qps(1).burst(1).maxConcurrent(1).build());
    ClientCall<Map<String, String>, Integer> call = call();
    CurrentCall.decide(call);
    assertThat(call().admitted()).as("its place is taken").isFalse();
    CurrentCall.undecide(call);
    ClientCall<Map<String, String>, Integer> next = call();
    assertThat(next.admitted()).as("it was given back").isTrue();
    CurrentCall.decide(next);
    assertThat(CurrentCall.takeDecided(CurrentCall.cell(), gate, null)).isSameAs(next);
    assertThat(CurrentCall.takeDecided(CurrentCall.cell(), gate, null)).isNull();
    CurrentCall.undecide(next);
    assertThat(next.hasEnded()).as("it is being made").isFalse();
  }

  @Test
  void aWaitEndsOnceAndACancelledOneGivesItsTokensBack() {
    rules(limit().qps(1).burst(1).maxWaitNanos(TimeUnit.SECONDS.toNanos(60)).build());
    assertThat(call().waits()).isFalse();
    ClientCall<Map<String, String>, Integer> waiting = call();
    long wait = waiting.dueAt() - waiting.now();
    assertThat(wait).isEqualTo(TimeUnit.SECONDS.toNanos(1));
    StringBuilder said = new StringBuilder();
    Runnable[] due = new Runnable[1];
    PacedWait paced =
        new PacedWait(waiting) {
          @Override
          protected void due(long waited) {
            said.append("due");
          }

          @Override
          protected void over(End how) {
            said.append(how);
          }
        };
    assertThat(paced.begin((nanos, task) -> due[0] = task, 0)).isTrue();
    paced.cancel();
    due[0].run();
    paced.cancel();
    assertThat(said).hasToString("CANCELLED");
    assertThat(call().dueAt() - now.get()).as("the next one has its token").isEqualTo(wait);
  }

  @Test
  void anInterruptedThreadStopsWaitingAndGivesItsTokensBack() {
    rules(limit().qps(1).burst(1).maxWaitNanos(TimeUnit.SECONDS.toNanos(60)).build());
    call();
    Thread.currentThread().interrupt();
    assertThat(PacedWait.onThread(call(), null)).isEqualTo(PacedWait.End.INTERRUPTED);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(call().dueAt() - now.get()).isEqualTo(TimeUnit.SECONDS.toNanos(1));
    assertThat(PacedWait.onThread(call(), () -> true)).isEqualTo(PacedWait.End.CANCELLED);
  }
}
