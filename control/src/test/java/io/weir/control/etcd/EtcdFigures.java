package io.weir.control.etcd;

import io.weir.control.ControlOptions;
import io.weir.control.ControlPlane;
import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.loop.LoopThread;
import io.weir.control.store.Txn;
import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.Recorder;
import io.weir.control.testing.TcpProxy;
import io.weir.engine.rules.RuleBook;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The figures of docs/etcd.md, measured, not asserted. Not part of the build; run with {@code
 * scripts/test EtcdFigures}.
 */
class EtcdFigures {
  private static final int PUSHES = 2000;

  private final ConcurrentHashMap<String, CompletableFuture<Long>> awaited =
      new ConcurrentHashMap<>();
  private volatile RuleBook newest = RuleBook.EMPTY;

  private void sink(RuleBook book) {
    long now = System.nanoTime();
    newest = book;
    if (!book.limits("a").isEmpty()) {
      CompletableFuture<Long> f = awaited.remove("a" + (long) book.limits("a").get(0).qps);
      if (f != null) {
        f.complete(now);
      }
    }
  }

  private ControlPlane plane(String endpoint) {
    return ControlPlane.start(
        ControlOptions.builder()
            .service("a")
            .instance("h:1")
            .etcd(EtcdOptions.builder().endpoints(endpoint).build())
            .build(),
        this::sink,
        Log.NONE);
  }

  private static void put(EtcdClient writer, String key, String value) {
    CompletableFuture<Txn.Outcome> done = new CompletableFuture<>();
    writer.txn(
        new Txn().put(key, value, 0),
        new EtcdClient.Answer<Txn.Outcome>() {
          @Override
          public void ok(Txn.Outcome o) {
            done.complete(o);
          }

          @Override
          public void failed(EtcdCallException e) {
            done.completeExceptionally(e);
          }
        });
    done.join();
  }

  private static long waitFor(BooleanSupplier condition) {
    long start = System.nanoTime();
    while (!condition.getAsBoolean() && System.nanoTime() - start < 60_000_000_000L) {
      Thread.onSpinWait();
    }
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
  }

  @Test
  void print() throws Exception {
    try (EtcdServer etcd = EtcdServer.start();
        TcpProxy proxy = new TcpProxy(etcd.port())) {
      Set<Long> before = threads();
      EtcdClient writer =
          StubEtcdClient.connect(EtcdOptions.builder().endpoints(etcd.endpoint()).build());
      for (int i = 0; i < 200; i++) {
        put(writer, "/service/s" + i + "/rate-limit", "{\"qps\": 100, \"burst\": 200}");
        put(writer, "/services/s" + i + "/instances/10.0.0." + i + ":80", "alive");
      }
      before.addAll(threads());
      long heapBefore = heap();
      long start = System.nanoTime();
      ControlPlane plane = plane(etcd.endpoint());
      waitFor(() -> plane.health().connected);
      System.out.println("connected after ms: " + (System.nanoTime() - start) / 1_000_000);
      long[] fromAck = new long[PUSHES];
      long[] fromSend = new long[PUSHES];
      for (int i = 0; i < PUSHES; i++) {
        CompletableFuture<Long> active = new CompletableFuture<>();
        awaited.put("a" + (i + 1), active);
        long sent = System.nanoTime();
        put(writer, "/service/a/rate-limit", "{\"qps\": " + (i + 1) + "}");
        long acked = System.nanoTime();
        long at = active.get(10, TimeUnit.SECONDS);
        fromSend[i] = at - sent;
        fromAck[i] = Math.max(0, at - acked);
        TimeUnit.MILLISECONDS.sleep(2);
      }
      report("put sent -> rule book handed over", fromSend);
      report("put acknowledged -> rule book handed over", fromAck);
      Set<String> ours =
          Thread.getAllStackTraces().keySet().stream()
              .filter(t -> !before.contains(t.getId()))
              .map(Thread::getName)
              .collect(Collectors.toCollection(TreeSet::new));
      System.out.println("threads of the control plane: " + ours);
      System.out.println("heap of the control plane, KB: " + (heap() - heapBefore) / 1024);
      long cpu = cpu();
      TimeUnit.SECONDS.sleep(30);
      System.out.printf("idle CPU of this JVM: %.3f %%%n", (cpu() - cpu) / 30e9 * 100);
      plane.close();

      ControlPlane cut = plane(proxy.endpoint());
      waitFor(() -> cut.health().connected);
      long[] again = new long[20];
      for (int i = 0; i < again.length; i++) {
        long qps = 1_000_000 + i;
        proxy.refuse(true);
        put(writer, "/service/a/rate-limit", "{\"qps\": " + qps + "}");
        TimeUnit.SECONDS.sleep(i < 10 ? 1 : 3);
        proxy.refuse(false);
        again[i] = 1_000_000L * waitFor(() -> newest.limits("a").get(0).qps == qps);
      }
      report("reconverged after 1 s without connection", Arrays.copyOfRange(again, 0, 10));
      report("reconverged after 3 s without connection", Arrays.copyOfRange(again, 10, 20));
      cut.close();
      writer.close();
    }
  }

  private static Set<Long> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getId)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static long heap() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  private static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean)
            java.lang.management.ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  /**
   * What many idle instances cost etcd: each holds its watch and pings it. {@code
   * -Dweir.figures.instances=200}, and {@code -Dweir.figures.refused=true} for instances with a
   * wrong password, which look from aside instead.
   */
  @Test
  void printWhatIdleInstancesCostEtcd() throws Exception {
    int instances = Integer.getInteger("weir.figures.instances", 50);
    boolean refused = Boolean.getBoolean("weir.figures.refused");
    try (EtcdServer etcd = EtcdServer.start()) {
      EtcdOptions.Builder options = EtcdOptions.builder().endpoints(etcd.endpoint());
      if (refused) {
        etcd.ctl("user", "add", "root:right");
        etcd.ctl("user", "grant-role", "root", "root");
        etcd.ctl("auth", "enable");
        options.user("root", "wrong");
      }
      List<EtcdStore> stores = new ArrayList<>();
      List<LoopThread> loops = new ArrayList<>();
      for (int i = 0; i < instances; i++) {
        LoopThread loop = new LoopThread("loop-" + i, Log.NONE);
        Recorder said = new Recorder();
        EtcdStore store = new EtcdStore(options.build(), loop, Log.NONE);
        store.start(said);
        waitFor(() -> said.connected() != null);
        loops.add(loop);
        stores.add(store);
      }
      TimeUnit.SECONDS.sleep(refused ? 60 : 5); // then log-ins have become rare
      long began = System.nanoTime();
      double before = etcd.cpuSeconds();
      TimeUnit.SECONDS.sleep(20);
      double used = etcd.cpuSeconds() - before;
      double seconds = (System.nanoTime() - began) / 1e9;
      System.out.printf(
          "%d idle instances%s: etcd uses %.2f %% of a core%n",
          instances, refused ? " with a wrong password" : "", 100 * used / seconds);
      stores.forEach(EtcdStore::close);
      loops.forEach(LoopThread::close);
    }
  }

  /** A day without etcd on a clock that runs a thousand times as fast; calls are real. */
  @Test
  void printADayWithoutEtcd() throws Exception {
    int nobody;
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      nobody = s.getLocalPort();
    }
    AtomicInteger attempts = new AtomicInteger();
    AtomicInteger clients = new AtomicInteger();
    try (LoopThread thread = new LoopThread("fast-loop", Log.NONE)) {
      Loop fast =
          new Loop() {
            @Override
            public void execute(Runnable task) {
              thread.execute(task);
            }

            @Override
            public Timer schedule(Runnable task, long delayNanos) {
              return thread.schedule(task, delayNanos / 1000);
            }

            @Override
            public Chain chain(String name, long patienceNanos, Runnable step) {
              Chain chain = thread.chain(name, patienceNanos / 1000, step);
              return new Chain() {
                @Override
                public void in(long delayNanos) {
                  chain.in(delayNanos / 1000);
                }

                @Override
                public void cancel() {
                  chain.cancel();
                }
              };
            }

            @Override
            public long now() {
              return thread.now() * 1000;
            }
          };
      Recorder said = new Recorder();
      EtcdStore store =
          new EtcdStore(
              EtcdOptions.builder().endpoints("http://127.0.0.1:" + nobody).build(),
              fast,
              Log.NONE,
              o -> {
                clients.incrementAndGet();
                return new CountingWire(StubEtcdClient.connect(o), attempts);
              },
              new Random(1),
              TimeUnit.SECONDS.toNanos(60));
      store.start(said);
      TimeUnit.MILLISECONDS.sleep(8640);
      long heap = heap();
      int threads = threads().size();
      TimeUnit.MILLISECONDS.sleep(86_400 - 8640);
      System.out.printf(
          "a day without etcd: %d tries (one per %.1f s), %d clients, heap %+d KB and threads %+d"
              + " since the tenth part of it%n",
          attempts.get(),
          86_400.0 / attempts.get(),
          clients.get(),
          (heap() - heap) / 1024,
          threads().size() - threads);
      store.close();
    }
  }

  /** Counts ranges. */
  private static final class CountingWire extends FilteringEtcdClient {
    private final AtomicInteger ranges;

    CountingWire(EtcdClient wire, AtomicInteger ranges) {
      super(wire);
      this.ranges = ranges;
    }

    @Override
    public void range(
        String from, String to, int limit, long revision, boolean keysOnly, Answer<Page> answer) {
      ranges.incrementAndGet();
      super.range(from, to, limit, revision, keysOnly, answer);
    }
  }

  private static void report(String what, long[] nanos) {
    Arrays.sort(nanos);
    System.out.printf(
        "%s, ms: p50 %.2f  p99 %.2f  max %.2f  (n=%d)%n",
        what,
        nanos[nanos.length / 2] / 1e6,
        nanos[nanos.length * 99 / 100] / 1e6,
        nanos[nanos.length - 1] / 1e6,
        nanos.length);
  }
}
