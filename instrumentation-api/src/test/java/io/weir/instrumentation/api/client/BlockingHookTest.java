package io.weir.instrumentation.api.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.bootstrap.Bridge;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BlockingHookTest {
  private final AtomicLong now = new AtomicLong(1);
  private final Engine engine = new Engine(EngineOptions.of("front", now::get));
  private final Calls calls = new Calls();

  /** Sends nothing: answers 200, or does what a test says. */
  private final class Calls extends BlockingHook<Map<String, String>, Integer>
      implements Exchange<Map<String, String>, Integer> {
    int sent;
    IOException fails;
    RuntimeException failsLater;

    Calls() {
      super(engine, new Words());
    }

    Object make() {
      return make(Words.request(), this, null, null);
    }

    @Override
    protected Exchange<Map<String, String>, Integer> exchange(
        Map<String, String> request, Object client, Object target, Object context) {
      return this;
    }

    @Override
    public Map<String, String> prepare(
        ClientCall<Map<String, String>, Integer> call, Map<String, String> request) {
      return request;
    }

    @Override
    public Integer send(Map<String, String> request) throws IOException {
      sent++;
      if (fails != null) {
        throw fails;
      }
      return 200;
    }

    @Override
    public Integer answered(ClientCall<Map<String, String>, Integer> call, Integer answer) {
      if (failsLater != null) {
        throw failsLater;
      }
      call.awaitsBody(answer, Words.request(), false);
      return answer + 1;
    }

    @Override
    public Object refused(Integer refusal) {
      return "refused " + refusal;
    }
  }

  /** One call at once, so a call that does not end keeps the next one out. */
  private void oneAtOnce() {
    rule(RateLimitRule.builder().maxConcurrent(1));
  }

  private void rule(RateLimitRule.Builder limit) {
    limit.id("l1").service("pay").side(RateLimitRule.Side.CLIENT);
    engine.apply(new RuleBook.Builder().add(limit.build()).build());
  }

  private static Object result(Object state) {
    return Bridge.instead(state, "the method's own");
  }

  @Test
  void aCallThatNeedsNothingIsLeftToTheMethod() {
    assertThat(calls.make()).isNull();
    assertThat(calls.sent).isZero();
  }

  @Test
  void aGovernedCallIsMadeInsteadAndItsAnswerGivenBack() {
    oneAtOnce();
    for (int i = 0; i < 2; i++) {
      assertThat(result(calls.make())).isEqualTo(201);
    }
    assertThat(calls.sent).isEqualTo(2);
  }

  @Test
  void aRefusalIsGivenBackAsTheLibraryHasIt() {
    rule(RateLimitRule.builder().qps(0));
    assertThat(result(calls.make())).isEqualTo("refused 429");
    assertThat(calls.sent).isZero();
  }

  @Test
  void whatTheLibraryThrowsIsThrownAndTheCallHasEnded() {
    oneAtOnce();
    calls.fails = new IOException("planted");
    for (int i = 0; i < 2; i++) {
      Object state = calls.make();
      assertThatThrownBy(() -> result(state)).isSameAs(calls.fails);
    }
  }

  @Test
  void whereTheBodyCannotBeWatchedTheAnswerIsGivenBackAndTheCallHasEnded() {
    oneAtOnce();
    calls.failsLater = new IllegalStateException("planted");
    for (int i = 0; i < 2; i++) {
      assertThat(result(calls.make())).isEqualTo(200);
    }
  }
}
