package io.weir.control.fleet;

import io.weir.control.store.Txn;
import io.weir.control.testing.EtcdServer;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The figures of docs/breaker.md, measured, not asserted. Not part of the build; run with {@code
 * scripts/test FleetFigures -Dweir.fleet.rounds=100}.
 */
class FleetFigures {
  private static final int ROUNDS = Integer.getInteger("weir.fleet.rounds", 30);
  private static final int SIZE = 3;

  /** Trips by calls one after the other, and passes all when it is closed. */
  private static final String RULE = "\"open_seconds\": 1, \"min_seconds\": 0, \"ramp_seconds\": 0";

  @Test
  void print() throws Exception {
    try (EtcdServer etcd = EtcdServer.start();
        Lateness lateness = new Lateness()) {
      etcd.ctl("put", "/service/order/circuit-breaker", "{" + RULE + ", \"quorum\": 1}");
      List<Member> members = new ArrayList<>();
      for (int i = 0; i < SIZE; i++) {
        members.add(new Member("m" + i + ":80", etcd.endpoint()));
      }
      long[] open = new long[ROUNDS * (SIZE - 1)];
      long[] closed = new long[ROUNDS * SIZE];
      long writes = applied(members);
      long entries = entries(etcd);
      long[] puts = new long[ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        puts[round] = put(members.get(0));
        Member first = members.get(round % SIZE);
        first.trip();
        long at = System.nanoTime();
        int n = round * (SIZE - 1);
        for (Member m : members) {
          if (m != first) {
            open[n++] = until(m, "open", at);
          }
        }
        // traffic at each in turn, until the third good probe of one of them
        long probes = letIn(members);
        while (letIn(members) < probes + 3) {
          members.forEach(m -> m.call(200));
          LockSupport.parkNanos(200_000);
        }
        at = System.nanoTime();
        n = round * SIZE;
        for (Member m : members) {
          closed[n++] = until(m, "closed", at);
        }
      }
      System.out.printf(
          "fleet figures: %d instances, %d openings; another's opening -> refuses: %s; third good"
              + " probe -> closed: %s; writes per opening %.2f (bound %d), entries in etcd's log by"
              + " its own count %.2f%nthe machine meanwhile: load average %.1f; a thread that"
              + " sleeps 1 ms wakes late by %s; etcd takes for a put %s%n",
          SIZE,
          ROUNDS,
          spread(open),
          spread(closed),
          (applied(members) - writes) / (double) ROUNDS,
          2 * SIZE + 3,
          (entries(etcd) - entries - ROUNDS) / (double) ROUNDS,
          ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
          spread(lateness.stop()),
          spread(puts));
      members.forEach(Member::close);
    }
  }

  /** Under {@code quorum: auto}: from the last witness's opening until the others refuse. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void witnesses(int witnesses) throws Exception {
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.ctl("put", "/service/order/circuit-breaker", "{" + RULE + "}");
      List<Member> members = new ArrayList<>();
      for (int i = 0; i < SIZE; i++) {
        members.add(new Member("m" + i + ":80", etcd.endpoint()));
      }
      long[] open = new long[ROUNDS];
      long writes = applied(members);
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < witnesses; i++) {
          members.get((round + i) % SIZE).trip();
        }
        long at = System.nanoTime();
        open[round] = until(members.get((round + witnesses) % SIZE), "open", at);
        for (Member m : members) {
          while (!m.state().equals("closed")) {
            members.forEach(x -> x.call(200));
            LockSupport.parkNanos(200_000);
          }
        }
      }
      System.out.printf(
          "fleet figures: %d witnesses of %d, %d openings: the last witness's opening -> another"
              + " refuses: %s; transactions per opening, campaign and closing %.2f; load average"
              + " %.1f%n",
          witnesses,
          SIZE,
          ROUNDS,
          spread(open),
          (applied(members) - writes) / (double) ROUNDS,
          ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
      members.forEach(Member::close);
    }
  }

  /** What etcd says it has written to its log. */
  private static long entries(EtcdServer etcd) throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create(etcd.endpoint() + "/metrics")).build(),
            HttpResponse.BodyHandlers.ofLines())
        .body()
        .filter(l -> l.startsWith("etcd_server_proposals_committed_total "))
        .mapToLong(l -> (long) Double.parseDouble(l.split(" ")[1]))
        .sum();
  }

  /** A put of no meaning, for what etcd itself takes. */
  private static long put(Member m) throws Exception {
    CompletableFuture<Long> took = new CompletableFuture<>();
    long at = System.nanoTime();
    m.store()
        .txn(
            new Txn().put("/weir/figures", new byte[] {1}, 0),
            outcome -> took.complete(System.nanoTime() - at));
    return took.get();
  }

  /** How late the machine wakes a thread: what no code of ours can be faster than. */
  private static final class Lateness implements AutoCloseable {
    private final long[] late = new long[1 << 16];
    private final Thread thread = new Thread(this::measure, "lateness");
    private volatile boolean stopped;
    private int count;

    Lateness() {
      thread.setDaemon(true);
      thread.start();
    }

    private void measure() {
      while (!stopped && count < late.length) {
        long due = System.nanoTime() + 1_000_000;
        LockSupport.parkNanos(1_000_000);
        late[count++] = Math.max(0, System.nanoTime() - due);
      }
    }

    long[] stop() throws InterruptedException {
      close();
      thread.join();
      return Arrays.copyOf(late, count);
    }

    @Override
    public void close() {
      stopped = true;
    }
  }

  private static long letIn(List<Member> members) {
    return members.stream().mapToLong(m -> m.letIn.get()).sum();
  }

  private static long applied(List<Member> members) {
    return members.stream().mapToLong(Member::applied).sum();
  }

  private static long until(Member m, String state, long since) {
    while (!m.state().equals(state)) {
      Thread.onSpinWait();
    }
    return System.nanoTime() - since;
  }

  private static String spread(long[] nanos) {
    long[] s = nanos.clone();
    Arrays.sort(s);
    return String.format(
        "p50 %.1f ms, p99 %.1f ms, max %.1f ms",
        s[s.length / 2] / 1e6, s[(int) (s.length * 0.99)] / 1e6, s[s.length - 1] / 1e6);
  }
}
