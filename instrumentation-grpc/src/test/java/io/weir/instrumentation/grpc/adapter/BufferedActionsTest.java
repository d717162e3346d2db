package io.weir.instrumentation.grpc.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class BufferedActionsTest {
  private final BufferedActions holdback = new BufferedActions();
  private final List<Integer> ran = Collections.synchronizedList(new ArrayList<>());

  @Test
  void nothingRunsBeforeItIsOpenedAndThenAllInOrder() {
    for (int i = 0; i < 5; i++) {
      int n = i;
      holdback.run(() -> ran.add(n));
    }
    assertThat(ran).isEmpty();
    assertThat(holdback.isOpen()).isFalse();
    holdback.open();
    assertThat(ran).containsExactly(0, 1, 2, 3, 4);
    holdback.run(() -> ran.add(5));
    assertThat(ran).endsWith(5);
  }

  @Test
  void whatAHeldPieceCausesComesAfterWhatWasHeldBefore() {
    holdback.run(
        () -> {
          ran.add(0);
          holdback.run(() -> ran.add(2));
        });
    holdback.run(() -> ran.add(1));
    holdback.open();
    assertThat(ran).containsExactly(0, 1, 2);
  }

  @Test
  void afterAPieceThrewNoLaterPieceRuns() {
    holdback.run(
        () -> {
          throw new IllegalStateException("as asked");
        });
    holdback.run(() -> ran.add(1));
    assertThatThrownBy(holdback::open).hasMessage("as asked");
    holdback.run(() -> ran.add(2));
    assertThat(ran).isEmpty();
    holdback.discard();
    holdback.run(() -> ran.add(3));
    assertThat(ran).isEmpty();
  }

  @RepeatedTest(200)
  void oneSourcesPiecesStayInOrderWhileAnotherThreadOpens() throws Exception {
    int pieces = 100;
    CountDownLatch go = new CountDownLatch(1);
    Thread source =
        new Thread(
            () -> {
              for (int i = 0; i < pieces; i++) {
                int n = i;
                holdback.run(() -> ran.add(n));
                if (n == 10) {
                  go.countDown();
                }
              }
            });
    source.start();
    go.await();
    holdback.open();
    source.join();
    assertThat(ran).hasSize(pieces).isSorted();
  }
}
