package io.weir.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.Store;
import io.weir.control.testing.FakeLoop;
import io.weir.control.testing.Recorder;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A consumer that throws harms no other, and hears in the end what it missed. */
class StoreFanoutTest {
  private static final long SECOND = 1_000_000_000L;

  private final FakeLoop loop = new FakeLoop();
  private final Recorder log = new Recorder();
  private final StoreFanout fanout = new StoreFanout(loop, log);
  private final Recorder whole = new Recorder();
  private final Recorder failing = new Recorder();
  private int failures;

  private void consumers() {
    fanout.add(
        new Store.Listener() {
          @Override
          public void onBatch(Batch batch) {
            fail();
            failing.onBatch(batch);
          }

          @Override
          public void onConnected(boolean connected, String reason) {
            fail();
            failing.onConnected(connected, reason);
          }
        });
    fanout.add(whole);
  }

  private void fail() {
    if (failures > 0) {
      failures--;
      throw new OutOfMemoryError("planted");
    }
  }

  private static Change put(String key, String value, long revision) {
    return new Change(key, new Entry(key, value.getBytes(), revision, revision, 0));
  }

  @Test
  void whatAConsumerMissedComesWithTheNextBatch() {
    consumers();
    fanout.onBatch(new Batch(1, List.of(put("a", "1", 1), put("b", "1", 1)), false));
    failures = 1;
    fanout.onBatch(new Batch(2, List.of(put("a", "2", 2), new Change("b", null)), false));
    assertThat(whole.view()).isEqualTo(Map.of("a", "2"));
    assertThat(failing.view()).isEqualTo(Map.of("a", "1", "b", "1"));
    fanout.onBatch(new Batch(3, List.of(put("c", "3", 3)), false));
    assertThat(failing.view()).isEqualTo(Map.of("a", "2", "c", "3"));
    assertThat(failing.batches()).hasSize(2);
  }

  @Test
  void andWithoutOneAfterAWhile() {
    consumers();
    failures = 3;
    fanout.onBatch(new Batch(1, List.of(put("a", "1", 1)), false));
    loop.advance(SECOND);
    loop.advance(2 * SECOND);
    assertThat(failing.view()).isEmpty();
    loop.advance(4 * SECOND);
    assertThat(failing.view()).isEqualTo(Map.of("a", "1"));
    loop.advance(600 * SECOND);
    assertThat(failing.batches()).hasSize(1);
    failures = 1;
    fanout.onConnected(true, "");
    assertThat(whole.connected()).isTrue();
    assertThat(failing.connected()).isNull();
    loop.advance(SECOND);
    assertThat(failing.connected()).isTrue();
    assertThat(log.lines()).allMatch(l -> l.contains("planted")).hasSize(4);
  }
}
