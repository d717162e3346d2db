package io.weir.control.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.loop.Log;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Txn;
import io.weir.control.testing.FakeLoop;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** When an instance stands in the registry, on a clock that is moved by hand. */
class RegistrationTest {
  private static final String KEY = "/services/stock/instances/127.0.0.1:8080";
  private static final long SECOND = 1_000_000_000L;

  private final FakeLoop loop = new FakeLoop();
  private final Held store = new Held();
  private final Queue<Runnable> prober = new ArrayDeque<>();
  private final List<String> said = new ArrayList<>();
  private String trouble;
  private int asked;
  private final Registration registration =
      new Registration(
          store,
          loop,
          prober::add,
          () -> {
            asked++;
            return trouble;
          },
          "stock",
          "127.0.0.1:8080",
          "alive",
          new Log() {
            @Override
            public void info(String line) {
              said.add(line);
            }

            @Override
            public void warn(String line) {
              said.add(line);
            }
          });

  /** Lets time pass, a tenth of a second at a time; the prober answers at once. */
  private void pass(double seconds) {
    for (int i = 0; i < seconds * 10; i++) {
      loop.advance(SECOND / 10);
      answer();
    }
  }

  private void answer() {
    while (!prober.isEmpty()) {
      prober.remove().run();
      loop.run();
    }
  }

  private void begin() {
    registration.start();
    loop.run();
    answer();
  }

  @Test
  void nothingIsRegisteredBeforeAGoodProbe() {
    trouble = "no";
    begin();
    pass(30);
    assertThat(store.keys).isEmpty();
    trouble = null;
    pass(5.2);
    assertThat(store.keys).containsEntry(KEY, "alive");
  }

  @Test
  void itIsAskedEveryFiveSecondsAndEverySecondWhileItIsOut() {
    begin();
    pass(60);
    assertThat(asked).isBetween(12, 13);
    trouble = "no";
    pass(10.2);
    assertThat(store.keys).isEmpty();
    pass(10);
    trouble = null;
    pass(1.2);
    assertThat(store.keys).containsKey(KEY);
  }

  @Test
  void oneBadProbeIsForgivenTwoInARowAreNotAndOneGoodOneBringsItBack() {
    begin();
    trouble = "no";
    pass(5.2);
    assertThat(store.keys).containsKey(KEY);
    trouble = null;
    pass(5.2);
    trouble = "no";
    pass(5.2);
    assertThat(store.keys).containsKey(KEY);
    pass(5.2);
    assertThat(store.keys).isEmpty();
    assertThat(said.get(said.size() - 1)).contains("deregistered").contains("no, 2 times in a row");
    trouble = null;
    pass(5.2);
    assertThat(store.keys).containsKey(KEY);
  }

  @Test
  void aProbeThatNeverComesBackIsNoGoodProbe() {
    begin();
    assertThat(store.keys).containsKey(KEY);
    // the next question is put, and nobody answers it
    loop.advance(5 * SECOND);
    loop.advance(5 * SECOND);
    assertThat(store.keys).containsKey(KEY);
    loop.advance(5 * SECOND);
    assertThat(store.keys).isEmpty();
    assertThat(said.get(said.size() - 1)).contains("does not come back");
    assertThat(prober).hasSize(1);
    answer();
    assertThat(store.keys).containsKey(KEY);
  }

  @Test
  void aPauseOfTheWholeJvmIsNoBadProbe() {
    begin();
    loop.advance(5 * SECOND);
    // both the answer and the time it was due at are found when the JVM goes on
    loop.advance(9 * SECOND);
    answer();
    pass(20);
    assertThat(said).noneMatch(l -> l.contains("deregistered"));
  }

  @Test
  void whetherItIsRegisteredAndHowOftenThatWasLostIsTold() {
    trouble = "no";
    begin();
    pass(10);
    assertThat(registration.isRegistered()).isFalse();
    assertThat(registration.timesLost()).as("it never was").isZero();
    trouble = null;
    pass(5.2);
    assertThat(registration.isRegistered()).isTrue();
    trouble = "no";
    pass(15.2);
    assertThat(registration.isRegistered()).isFalse();
    assertThat(registration.timesLost()).isOne();
    trouble = null;
    pass(5.2);
    assertThat(registration.isRegistered()).isTrue();
    store.lease = 0;
    store.listener.onLost(1, "expired");
    assertThat(registration.isRegistered()).isFalse();
    assertThat(registration.timesLost()).isEqualTo(2);
    store.lease = 2;
    store.listener.onGranted(2);
    assertThat(registration.isRegistered()).isTrue();
  }

  @Test
  void whateverIsThrownItRegistersAllTheSame() {
    loop.survives();
    store.thrown = new OutOfMemoryError("planted");
    begin();
    assertThat(store.keys).isEmpty();
    assertThat(loop.thrown()).hasSize(1);
    pass(5.2);
    assertThat(store.keys).containsEntry(KEY, "alive");
    assertThat(registration.isRegistered()).isTrue();
  }

  @Test
  void closingDeregistersAndAsksNoMore() {
    begin();
    registration.close();
    loop.run();
    assertThat(store.keys).isEmpty();
    assertThat(store.words).containsExactly("{\"leaving\":true}");
    int before = asked;
    pass(30);
    assertThat(asked).isEqualTo(before);
    assertThat(store.open).isFalse();
  }

  /** What is held in etcd, as long as the lease is renewed. */
  private static final class Held implements SharedStore, LeaseSession {
    final Map<String, String> keys = new TreeMap<>();
    final List<String> words = new ArrayList<>();
    boolean open;
    long lease = 1;
    Error thrown;
    LeaseSession.Listener listener;

    @Override
    public LeaseSession lease(int ttlSeconds, LeaseSession.Listener listener) {
      this.listener = listener;
      assertThat(ttlSeconds).isEqualTo(10);
      open = true;
      Error planted = thrown;
      thrown = null;
      if (planted != null) {
        throw planted;
      }
      return this;
    }

    @Override
    public long id() {
      return lease;
    }

    @Override
    public void hold(String key, byte[] value) {
      keys.put(key, new String(value, StandardCharsets.UTF_8));
    }

    @Override
    public void release(String key, byte[] finalValue) {
      words.add(new String(finalValue, StandardCharsets.UTF_8));
      keys.remove(key);
    }

    @Override
    public boolean isWritten(String key) {
      return lease != 0 && keys.containsKey(key);
    }

    @Override
    public List<String> held() {
      return new ArrayList<>(keys.keySet());
    }

    @Override
    public void close() {
      open = false;
    }

    @Override
    public void start(io.weir.control.store.Store.Listener listener) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void txn(Txn txn, Txn.Done done) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void grant(int ttlSeconds, Granted done) {
      throw new UnsupportedOperationException();
    }
  }
}
