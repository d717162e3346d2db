package io.weir.control.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.weir.control.loop.Loop;
import io.weir.control.loop.LoopThread;
import io.weir.control.testing.Recorder;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What every store promises to its consumers, whatever it keeps its keys in. */
public abstract class StoreConformance {
  private static final String A = "/service/a/rate-limit";
  private static final String B = "/service/b/rate-limit";

  protected final Recorder said = new Recorder();
  protected final LoopThread loop = new LoopThread("test-loop", said);
  private Store store;

  protected abstract Store open(Loop loop, Recorder log);

  /** Writes several keys so that they belong together; a null value deletes. */
  protected abstract void write(String... keysAndValues);

  protected final Store start() {
    store = open(loop, said);
    store.start(said);
    return store;
  }

  protected final void awaitView(Map<String, String> expected) {
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(said.view()).isEqualTo(expected));
  }

  @AfterEach
  void stop() {
    if (store != null) {
      store.close();
    }
    loop.close();
  }

  @Test
  void theFirstBatchBringsEverythingThereIs() {
    write(A, "1", B, "2");
    start();
    awaitView(Map.of(A, "1", B, "2"));
    assertThat(said.batches()).hasSize(1);
    await().untilAsserted(() -> assertThat(said.connected()).isTrue());
  }

  @Test
  void anEmptyStoreSaysSo() {
    start();
    await().untilAsserted(() -> assertThat(said.batches()).hasSize(1));
    assertThat(said.batches().get(0).changes).isEmpty();
  }

  @Test
  void changesAndDeletionsComeInOrderOnTheLoop() {
    start();
    await().untilAsserted(() -> assertThat(said.connected()).isTrue());
    write(A, "1");
    awaitView(Map.of(A, "1"));
    write(A, "2");
    awaitView(Map.of(A, "2"));
    write(A, null);
    awaitView(Map.of());
    assertThat(said.batches()).extracting(b -> b.revision).isSorted().doesNotHaveDuplicates();
    assertThat(said.threads()).containsOnly("test-loop");
  }

  @Test
  void whatWasWrittenTogetherComesTogether() {
    write(A, "1", B, "1");
    start();
    awaitView(Map.of(A, "1", B, "1"));
    write(A, "2", B, "2");
    awaitView(Map.of(A, "2", B, "2"));
    assertThat(said.batches()).hasSize(2);
  }

  @Test
  void anUnchangedKeyIsNotToldAgain() {
    write(A, "1", B, "1");
    start();
    awaitView(Map.of(A, "1", B, "1"));
    write(B, "2");
    awaitView(Map.of(A, "1", B, "2"));
    Batch last = said.batches().get(said.batches().size() - 1);
    assertThat(last.changes).extracting(c -> c.key).containsExactly(B);
  }
}
