package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.etcd.EtcdOptions;
import io.weir.control.store.Entry;
import io.weir.control.testing.EtcdServer;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Two people push at the same moment: what a real etcd makes of their transactions. */
class EtcdPublicationTest {
  private static final long SOON = TimeUnit.SECONDS.toNanos(30);
  private static final int ROUNDS = 30;
  private static final String A = "/service/a/rate-limit";
  private static final String B = "/service/b/rate-limit";
  private static final String C = "/service/c/rate-limit";

  private static EtcdServer etcd;
  private static int namespaces;

  private final EtcdOptions options =
      EtcdOptions.builder().endpoints(etcd.endpoint()).namespace("/race" + ++namespaces).build();
  private final RuleTree mine = new EtcdTree(options, true).open(SOON);
  private final RuleTree theirs = new EtcdTree(options, true).open(SOON);
  private final ExecutorService threads = Executors.newFixedThreadPool(2);

  @BeforeAll
  static void start() {
    etcd = EtcdServer.start();
  }

  @AfterAll
  static void stop() {
    etcd.close();
  }

  @AfterEach
  void close() {
    threads.shutdownNow();
    mine.close();
    theirs.close();
  }

  @Test
  void ofTwoPushesOfOneKeyOneWinsAndTheOtherIsToldWho() throws Exception {
    List<String> written = new ArrayList<>();
    int[] won = new int[2];
    for (int round = 0; round < ROUNDS; round++) {
      long revision = bothSee(mine.view().revision);
      String[] messages = {"mine " + round, "theirs " + round};
      Object[] ends =
          race(
              publication(mine).put(A, text(2 * round)), messages[0],
              publication(theirs).put(A, text(2 * round + 1)), messages[1]);
      int winner = ends[0] instanceof CliException ? 1 : 0;
      won[winner]++;
      assertThat(ends[winner]).isEqualTo(Exit.OK);
      CliException lost = (CliException) ends[1 - winner];
      assertThat(lost.fault).isEqualTo(CliFault.CONFLICT);
      assertThat(lost.getMessage()).contains(A, messages[winner]);
      written.add(messages[winner]);

      // who lost looks again, and goes on from there
      bothSee(revision + 1);
      RuleTree loser = winner == 0 ? theirs : mine;
      String again = messages[1 - winner] + " again";
      publication(loser).put(A, text(1000 + round)).run("push", again, false);
      written.add(again);
      bothSee(revision + 2);
    }
    List<String> history = new ArrayList<>();
    for (History.Change c : History.read(mine.view())) {
      history.add(0, c.message);
    }
    System.out.println("two pushes at once, " + ROUNDS + " times: won " + won[0] + ":" + won[1]);
    assertThat(history).containsExactlyElementsOf(written);
  }

  @Test
  void severalKeysAreWrittenAllOrNone() throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      long revision = bothSee(mine.view().revision);
      Object[] ends =
          race(
              publication(mine).put(A, text(round)).put(B, text(round)), "mine",
              publication(theirs).put(B, text(100 + round)).put(C, text(100 + round)), "theirs");
      assertThat(ends).as("one wins").containsOnlyOnce(Exit.OK);
      bothSee(revision + 1);
      StoreView now = mine.view();
      boolean first = ends[0].equals(Exit.OK);
      assertThat(value(now, B)).isEqualTo(new String(text(first ? round : 100 + round)));
      assertThat(revisionOf(now, A) == now.revision).isEqualTo(first);
      assertThat(revisionOf(now, B)).isEqualTo(now.revision);
      assertThat(revisionOf(now, C) == now.revision).isEqualTo(!first);
    }
  }

  /** What each came to: an exit code, or the trouble. */
  private Object[] race(RuleChange a, String ma, RuleChange b, String mb) throws Exception {
    CyclicBarrier together = new CyclicBarrier(2);
    Future<Object> first = threads.submit(() -> end(a, ma, together));
    Future<Object> second = threads.submit(() -> end(b, mb, together));
    return new Object[] {
      first.get(SOON, TimeUnit.NANOSECONDS), second.get(SOON, TimeUnit.NANOSECONDS)
    };
  }

  private static Object end(RuleChange p, String message, CyclicBarrier together) throws Exception {
    together.await(SOON, TimeUnit.NANOSECONDS);
    try {
      return p.run("push", message, false);
    } catch (CliException t) {
      return t;
    }
  }

  /** Waits until both have seen a revision at least so new; returns it. */
  private long bothSee(long revision) {
    for (RuleTree t : new RuleTree[] {mine, theirs}) {
      StoreView seen = t.await(v -> v.revision >= revision ? v : null, SOON);
      assertThat(seen).isNotNull();
    }
    long newest = Math.max(mine.view().revision, theirs.view().revision);
    return newest == revision ? revision : bothSee(newest);
  }

  private static RuleChange publication(RuleTree tree) {
    PushCommand c = new PushCommand();
    PrintStream to = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    c.out = new CliOutput(to, to, Map.of());
    c.environment = Map.of();
    c.jar = new File("weir.jar");
    c.yes = true; // some say qps: 0
    return new RuleChange(c, tree, tree.view());
  }

  private static byte[] text(int qps) {
    return ("qps: " + qps + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private static String value(StoreView view, String key) {
    return view.get(key).text();
  }

  private static long revisionOf(StoreView view, String key) {
    Entry e = view.get(key);
    return e == null ? 0 : e.modRevision;
  }
}
