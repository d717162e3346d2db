package io.weir.instrumentation.servlet.adapter.javax;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.bootstrap.Skip;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import javax.servlet.DispatcherType;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.junit.jupiter.api.Test;

/** A container that cannot let a paced request go: its worker waits, and is interrupted. */
class InterruptedTest {
  private final Engine engine = new Engine(EngineOptions.of("shop", Ticker.SYSTEM));
  private final ServletHook hook = new ServletHook(engine, null);

  private static HttpServletRequest request() {
    Map<String, Object> attributes = new HashMap<>();
    return (HttpServletRequest)
        Proxy.newProxyInstance(
            InterruptedTest.class.getClassLoader(),
            new Class<?>[] {HttpServletRequest.class},
            (proxy, method, args) -> {
              switch (method.getName()) {
                case "getAttribute":
                  return attributes.get(args[0]);
                case "setAttribute":
                  return attributes.put((String) args[0], args[1]);
                case "getDispatcherType":
                  return DispatcherType.REQUEST;
                case "getMethod":
                  return "HEAD";
                case "getRequestURI":
                  return "/";
                case "isAsyncStarted":
                  return false;
                default:
                  return null;
              }
            });
  }

  private static HttpServletResponse response(AtomicReference<Object> status) {
    return (HttpServletResponse)
        Proxy.newProxyInstance(
            InterruptedTest.class.getClassLoader(),
            new Class<?>[] {HttpServletResponse.class},
            (proxy, method, args) -> {
              if (method.getName().equals("setStatus")) {
                status.set(args[0]);
              }
              return method.getReturnType() == int.class ? 200 : null;
            });
  }

  @Test
  void anInterruptedWorkerGivesBackAndDoesNotServe() throws Exception {
    // one call at once, one may wait, the third would be refused
    engine.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("shop")
                    .qps(0.001)
                    .burst(1)
                    .maxWaitNanos(TimeUnit.SECONDS.toNanos(1001))
                    .build())
            .build());
    AtomicReference<Object> status = new AtomicReference<>();
    assertThat(hook.enter(this, request(), response(status), null)).isInstanceOf(ServletCall.class);
    for (int round = 0; round < 3; round++) {
      AtomicReference<Object> entered = new AtomicReference<>();
      AtomicBoolean stands = new AtomicBoolean();
      Thread worker =
          new Thread(
              () -> {
                entered.set(hook.enter(this, request(), response(status), null));
                stands.set(Thread.currentThread().isInterrupted());
              });
      worker.start();
      while (worker.getState() != Thread.State.TIMED_WAITING && worker.isAlive()) {
        Thread.onSpinWait();
      }
      // it has the only place to wait
      assertThat(hook.enter(this, request(), response(status), null)).isSameAs(Skip.SKIP);
      assertThat(status.get()).isEqualTo(429);
      worker.interrupt();
      worker.join();
      assertThat(entered.get()).isSameAs(Skip.SKIP);
      assertThat(status.get()).isEqualTo(503);
      assertThat(stands).as("the interrupt is the container's to see").isTrue();
    }
  }
}
