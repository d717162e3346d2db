package io.weir.agent.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever hangs at the end, the JVM goes on ending. */
@Timeout(30)
class ShutdownTest {
  @Test
  void itWaitsForEveryTask() {
    AtomicInteger ran = new AtomicInteger();
    Shutdown.within(20_000, ran::incrementAndGet, ran::incrementAndGet);
    assertThat(ran).hasValue(2);
  }

  @Test
  void oneThatHangsHoldsUpNeitherTheOthersNorTheEnd() {
    AtomicInteger ran = new AtomicInteger();
    CountDownLatch never = new CountDownLatch(1);
    Shutdown.within(
        300,
        () -> {
          try {
            never.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        },
        ran::incrementAndGet);
    assertThat(ran).hasValue(1);
    never.countDown();
  }

  @Test
  void oneThatThrowsHasEnded() {
    Shutdown.within(
        20_000,
        () -> {
          throw new OutOfMemoryError("planted");
        });
  }
}
