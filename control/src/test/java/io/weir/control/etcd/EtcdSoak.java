package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.loop.LoopThread;
import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.Recorder;
import io.weir.control.testing.TcpProxy;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * After every one of many random faults the view equals etcd's truth. Not part of the build (it
 * takes minutes); run with {@code scripts/test EtcdSoak -Dweir.soak.faults=1000
 * -Dweir.soak.seed=1}.
 */
class EtcdSoak {
  private final int faults = Integer.getInteger("weir.soak.faults", 100);
  private final long seed = Long.getLong("weir.soak.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private final Recorder said = new Recorder();
  private EtcdClient writer;

  @Test
  void theViewEqualsTheTruthAfterEveryFault() {
    LoopThread loop = new LoopThread("test-loop", said);
    long[] back = new long[faults];
    Map<String, Integer> kinds = new TreeMap<>();
    try (EtcdServer etcd = EtcdServer.start();
        TcpProxy proxy = new TcpProxy(etcd.port())) {
      writer = StubEtcdClient.connect(EtcdOptions.builder().endpoints(etcd.endpoint()).build());
      EtcdStore store =
          new EtcdStore(
              EtcdOptions.builder().endpoints(proxy.endpoint()).build(),
              loop,
              said,
              StubEtcdClient::connect,
              random,
              TimeUnit.SECONDS.toNanos(60));
      store.start(said);
      for (int i = 0; i < faults; i++) {
        String kind = fault(etcd, proxy);
        kinds.merge(kind, 1, Integer::sum);
        long start = System.nanoTime();
        Map<String, String> truth = truth();
        while (!said.view().equals(truth)) {
          assertThat(System.nanoTime() - start)
              .as("seed %d, fault %d (%s): %s != %s", seed, i, kind, said.view(), truth)
              .isLessThan(TimeUnit.SECONDS.toNanos(30));
          LockSupport.parkNanos(1_000_000);
        }
        back[i] = System.nanoTime() - start;
      }
      store.close();
      writer.close();
    }
    loop.close();
    Arrays.sort(back);
    System.out.printf(
        "seed %d: %d faults %s, view equal after ms: p50 %d p99 %d max %d; repairs logged: %d%n",
        seed,
        faults,
        kinds,
        back[faults / 2] / 1_000_000,
        back[faults * 99 / 100] / 1_000_000,
        back[faults - 1] / 1_000_000,
        said.lines().stream().filter(l -> l.contains("lost something")).count());
  }

  private String fault(EtcdServer etcd, TcpProxy proxy) {
    switch (random.nextInt(20)) {
      case 0:
        etcd.kill();
        pause(1500);
        etcd.restart();
        write(10);
        return "kill";
      case 1:
        etcd.freeze();
        pause(4000);
        etcd.thaw();
        write(10);
        return "freeze";
      case 2:
        proxy.refuse(true);
        long last = write(20);
        etcd.ctl("compact", Long.toString(last));
        proxy.refuse(false);
        return "compact";
      case 3:
        etcd.wipe();
        etcd.restart();
        write(5);
        return "wipe";
      case 4:
        proxy.refuse(true);
        write(10);
        pause(3000);
        proxy.refuse(false);
        return "refuse";
      case 5:
        proxy.swallow(true);
        write(10);
        pause(2000);
        proxy.swallow(false);
        // what was swallowed is gone for good: only a broken connection tells the client
        proxy.cut();
        return "swallow";
      default:
        for (int i = 1 + random.nextInt(6); i > 0; i--) {
          write(5);
          proxy.cut();
          pause(120);
        }
        return "cut";
    }
  }

  private void pause(int maxMillis) {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(maxMillis)));
  }

  private long write(int times) {
    long revision = 0;
    for (int i = 0; i < times; i++) {
      Txn txn = new Txn();
      String key = "/service/s" + random.nextInt(40) + "/rate-limit";
      if (random.nextInt(4) == 0) {
        txn.delete(key);
      } else {
        txn.put(key, Long.toString(random.nextLong()), 0);
      }
      revision = patiently((EtcdClient.Answer<Txn.Outcome> done) -> writer.txn(txn, done)).revision;
    }
    return revision;
  }

  private Map<String, String> truth() {
    Map<String, String> texts = new TreeMap<>();
    for (Entry e :
        patiently(
                (EtcdClient.Answer<EtcdClient.Page> done) ->
                    writer.range(KeySpace.FIRST, KeySpace.END, 10_000, 0, false, done))
            .entries) {
      texts.put(e.key, e.text());
    }
    return texts;
  }

  private interface Call<T> {
    void send(EtcdClient.Answer<T> answer);
  }

  /** The writer's own connection suffers from kills too: it tries until it gets through. */
  private <T> T patiently(Call<T> call) {
    for (int tries = 0; tries < 100; tries++) {
      CompletableFuture<T> done = new CompletableFuture<>();
      call.send(
          new EtcdClient.Answer<T>() {
            @Override
            public void ok(T value) {
              done.complete(value);
            }

            @Override
            public void failed(EtcdCallException e) {
              done.complete(null);
            }
          });
      T value = done.orTimeout(20, TimeUnit.SECONDS).join();
      if (value != null) {
        return value;
      }
      writer.reconnect();
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
    }
    throw new AssertionError("the writer does not get through; seed " + seed);
  }
}
