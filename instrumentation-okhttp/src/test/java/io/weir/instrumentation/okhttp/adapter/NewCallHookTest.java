package io.weir.instrumentation.okhttp.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NewCallHookTest {
  private final NewCallHook clients =
      new NewCallHook(new Engine(EngineOptions.of("test", Ticker.SYSTEM)));

  @Test
  void aClientPerCallKeepsNoClientAlive() throws InterruptedException {
    OkHttpClient template = new OkHttpClient();
    List<WeakReference<OkHttpClient>> made = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      OkHttpClient client = template.newBuilder().build();
      clients.derived(client);
      made.add(new WeakReference<>(client));
    }
    while (made.stream().anyMatch(r -> r.get() != null)) {
      System.gc();
      Thread.onSpinWait();
    }
    WeakReference<OkHttpClient> derived = new WeakReference<>(derivedOfAClientThatIsGone());
    while (derived.get() != null) {
      System.gc();
      clients.derived(template.newBuilder().build()); // clears what was collected
    }
  }

  private OkHttpClient derivedOfAClientThatIsGone() {
    return clients.derived(new OkHttpClient());
  }

  @Test
  void manyThreadsWithManyClientsAlwaysGetTheirOwn() throws InterruptedException {
    List<OkHttpClient> all = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      all.add(new OkHttpClient());
    }
    Set<String> wrong = ConcurrentHashMap.newKeySet();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 8; t++) {
      int from = t * 31;
      Thread thread =
          new Thread(
              () -> {
                for (int i = 0; i < 3000; i++) {
                  OkHttpClient c = all.get((from + i) % all.size());
                  if (clients.derived(c).connectionPool() != c.connectionPool()) {
                    wrong.add("another client's");
                  }
                }
              });
      threads.add(thread);
      thread.start();
    }
    for (Thread t : threads) {
      t.join();
    }
    assertThat(wrong).isEmpty();
  }
}
