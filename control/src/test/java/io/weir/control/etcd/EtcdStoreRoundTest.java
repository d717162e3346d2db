package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.store.Batch;
import io.weir.control.store.Entry;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.Store;
import io.weir.control.store.Txn;
import io.weir.control.testing.FakeLoop;
import io.weir.control.testing.Recorder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The store's rounds, one step at a time: the test plays etcd, on a virtual clock. */
class EtcdStoreRoundTest {
  private static final String A = "/service/a/rate-limit";
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private final FakeLoop loop = new FakeLoop();
  private final Recorder said = new Recorder();
  private final List<FakeWire> wires = new ArrayList<>();
  private EtcdStore store;
  private Error listenerThrows;

  /** Remembers what it was asked; the test answers. */
  private static final class FakeWire implements EtcdClient {
    final List<Answer<Page>> ranges = new ArrayList<>();
    final List<Boolean> keysOnly = new ArrayList<>();
    final List<Long> pinned = new ArrayList<>();
    final List<Entry> served = new ArrayList<>();
    final List<String> valuesOf = new ArrayList<>();
    final List<WatchListener> watches = new ArrayList<>();
    final List<Long> watchedFrom = new ArrayList<>();
    final List<Answer<Txn.Outcome>> txns = new ArrayList<>();
    final List<Answer<Long>> grants = new ArrayList<>();
    final List<Answer<Long>> keepAlives = new ArrayList<>();
    Answer<Long> aside;
    int closedWatches;
    int pings;
    int taken;
    int afresh;
    boolean ready = true;
    boolean closed;
    Error thrown;

    private void fail() {
      Error planted = thrown;
      thrown = null;
      if (planted != null) {
        throw planted;
      }
    }

    @Override
    public void range(
        String from, String to, int limit, long revision, boolean keys, Answer<Page> answer) {
      fail();
      ranges.add(answer);
      keysOnly.add(keys);
      pinned.add(revision);
    }

    /** Answered at once, from what the range told. */
    @Override
    public void values(List<Run> runs, long revision, int most, Answer<List<Entry>> answer) {
      List<Entry> entries = new ArrayList<>();
      for (Run run : runs) {
        for (Entry e : served) {
          if (e.key.compareTo(run.from) >= 0 && e.key.compareTo(run.to) < 0) {
            entries.add(e);
            valuesOf.add(e.key);
          }
        }
      }
      answer.ok(entries);
    }

    @Override
    public Watch watch(String from, String to, long revision, WatchListener watching) {
      watches.add(watching);
      watchedFrom.add(revision);
      return new Watch() {
        @Override
        public void ping() {
          fail();
          pings++;
        }

        @Override
        public void next() {
          taken++;
        }

        @Override
        public void close() {
          closedWatches++;
        }
      };
    }

    @Override
    public void txn(Txn txn, Answer<Txn.Outcome> answer) {
      txns.add(answer);
    }

    @Override
    public void grant(int ttlSeconds, Answer<Long> answer) {
      grants.add(answer);
    }

    @Override
    public void keepAlive(long lease, Answer<Long> answer) {
      fail();
      keepAlives.add(answer);
    }

    @Override
    public void revoke(long lease, Answer<Long> answer) {
      answer.ok(0L);
    }

    @Override
    public void authChangeCounter(Answer<Long> answer) {
      aside = answer;
    }

    @Override
    public void reconnect() {}

    @Override
    public void reconnectAfresh() {
      afresh++;
    }

    @Override
    public boolean ready() {
      return ready;
    }

    @Override
    public void close() {
      closed = true;
    }

    @Override
    public void closeAtExit() {}
  }

  @BeforeEach
  void start() {
    store =
        new EtcdStore(
            EtcdOptions.builder().endpoints("http://127.0.0.1:1").build(),
            loop,
            said,
            o -> {
              wires.add(new FakeWire());
              return wires.get(wires.size() - 1);
            },
            new Random(1),
            60 * SECOND,
            ReadLimits.instance(4 << 20));
    store.start(
        new Store.Listener() {
          @Override
          public void onBatch(Batch batch) {
            Error planted = listenerThrows;
            listenerThrows = null;
            if (planted != null) {
              throw planted;
            }
            said.onBatch(batch);
          }

          @Override
          public void onConnected(boolean connected, String reason) {
            said.onConnected(connected, reason);
          }
        });
    loop.run();
  }

  private FakeWire wire() {
    return wires.get(wires.size() - 1);
  }

  private static Entry entry(String key, String value, long revision) {
    byte[] bytes = value == null ? null : value.getBytes(StandardCharsets.UTF_8);
    return new Entry(key, bytes, revision, revision, 0);
  }

  private void answerRange(long revision, Entry... entries) {
    answerPage(revision, false, entries);
  }

  private void answerPage(long revision, boolean more, Entry... entries) {
    wire().served.addAll(List.of(entries));
    List<Entry> keys = new ArrayList<>();
    for (Entry e : entries) {
      keys.add(new Entry(e.key, new byte[0], e.createRevision, e.modRevision, e.lease));
    }
    last(wire().ranges).ok(new EtcdClient.Page(7, revision, keys, more));
    loop.run();
    wire().served.clear();
  }

  private void created(long revision) {
    last(wire().watches).events(new EtcdClient.Events(true, 7, revision, List.of()));
    loop.run();
  }

  private void event(EtcdClient.WatchListener watch, Entry... events) {
    long revision = events[events.length - 1].modRevision;
    watch.events(new EtcdClient.Events(false, 7, revision, List.of(events)));
    loop.run();
  }

  private static <T> T last(List<T> list) {
    return list.get(list.size() - 1);
  }

  private void connect() {
    answerRange(10, entry(A, "1", 5));
    created(10);
    assertThat(said.connected()).isTrue();
  }

  @Test
  void itWatchesFromTheRevisionAfterTheRange() {
    answerRange(10, entry(A, "1", 5));
    assertThat(wire().watchedFrom).containsExactly(11L);
    assertThat(said.connected()).isNull();
    created(10);
    assertThat(said.connected()).isTrue();
  }

  @Test
  void laterPagesArePinnedToTheFirstOnesRevision() {
    wire().served.add(entry(A, "1", 5));
    last(wire().ranges).ok(new EtcdClient.Page(7, 10, List.of(entry(A, "", 5)), true));
    loop.run();
    assertThat(wire().pinned).containsExactly(0L, 10L);
    answerRange(12, entry("/service/b/route", "2", 6));
    assertThat(said.batches()).hasSize(1);
    assertThat(said.batches().get(0).revision).isEqualTo(10);
    assertThat(wire().watchedFrom).containsExactly(11L);
  }

  @Test
  void duplicatesAndEventsOutOfOrderChangeNothing() {
    connect();
    event(last(wire().watches), entry(A, "2", 12));
    event(last(wire().watches), entry(A, "old", 11));
    event(last(wire().watches), entry(A, null, 12));
    assertThat(said.view()).isEqualTo(Map.of(A, "2"));
    assertThat(said.batches()).hasSize(2);
  }

  @Test
  void whateverAListenerThrowsTheStoreReadsAndTellsAgain() {
    loop.survives();
    listenerThrows = new OutOfMemoryError("planted");
    answerRange(10, entry(A, "1", 5));
    assertThat(said.batches()).isEmpty();
    loop.advance(SECOND);
    answerRange(10, entry(A, "1", 5));
    created(10);
    assertThat(said.view()).isEqualTo(Map.of(A, "1"));
    listenerThrows = new NoClassDefFoundError("planted");
    event(last(wire().watches), entry(A, "2", 12));
    loop.advance(SECOND);
    answerRange(12, entry(A, "2", 12));
    created(12);
    assertThat(said.view()).isEqualTo(Map.of(A, "2"));
    assertThat(said.connected()).isTrue();
    assertThat(loop.thrown()).hasSize(2);
  }

  @Test
  void whateverTheClientThrowsItIsAskedAgain() {
    loop.survives();
    connect();
    LeaseSession lease =
        store.lease(
            10,
            new LeaseSession.Listener() {
              @Override
              public void onGranted(long id) {}

              @Override
              public void onLost(long id, String reason) {}
            });
    loop.run();
    last(wire().grants).ok(77L);
    loop.run();
    lease.hold("/services/a/instances/1", new byte[] {1});
    loop.run();
    // a renewal that cannot even be sent
    wire().thrown = new OutOfMemoryError("planted");
    loop.advance(3 * SECOND + SECOND / 2);
    assertThat(wire().thrown).as("it was thrown").isNull();
    loop.advance(2 * SECOND);
    assertThat(wire().keepAlives).as("renewed all the same").isNotEmpty();
    // a reading that cannot even be asked for
    last(wire().watches).broken(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "cut"));
    loop.run();
    int before = wire().ranges.size();
    wire().thrown = new StackOverflowError();
    loop.advance(5 * SECOND);
    assertThat(wire().ranges.size()).isGreaterThan(before);
    wire().served.add(entry(A, "9", 15));
    for (EtcdClient.Answer<EtcdClient.Page> asked :
        wire().ranges.subList(before, wire().ranges.size())) {
      asked.ok(new EtcdClient.Page(7, 20, List.of(entry(A, "", 15)), false)); // the lease asks, too
    }
    loop.run();
    wire().served.clear();
    created(20);
    assertThat(said.view()).isEqualTo(Map.of(A, "9"));
    // a ping
    wire().thrown = new OutOfMemoryError("planted");
    loop.advance(2 * SECOND);
    int pings = wire().pings;
    loop.advance(3 * SECOND);
    assertThat(wire().pings).isGreaterThan(pings);
  }

  @Test
  void aSecondCreatedIsDoubt() {
    connect();
    created(11);
    assertThat(wire().closedWatches).isEqualTo(1);
    loop.advance(SECOND / 10);
    assertThat(wire().ranges).hasSize(2);
    answerRange(20, entry(A, "3", 18));
    assertThat(said.view()).isEqualTo(Map.of(A, "3"));
    assertThat(wire().watchedFrom).containsExactly(11L, 21L);
  }

  @Test
  void whatAnOlderRoundSaysIsDropped() {
    connect();
    EtcdClient.WatchListener old = last(wire().watches);
    old.broken(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "cut"));
    loop.run();
    event(old, entry(A, "ghost", 11));
    loop.advance(SECOND / 10);
    answerRange(10, entry(A, "1", 5));
    event(old, entry(A, "ghost", 12));
    old.broken(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "cut"));
    loop.run();
    assertThat(said.view()).isEqualTo(Map.of(A, "1"));
    assertThat(said.batches()).hasSize(1);
    assertThat(wire().ranges).hasSize(2);
  }

  @Test
  void aDeletionMissedWhileCutOffIsFoundByTheRange() {
    connect();
    last(wire().watches)
        .broken(new EtcdCallException(EtcdCallException.Kind.COMPACTED, "compacted"));
    loop.advance(SECOND / 10);
    answerRange(30);
    assertThat(said.view()).isEmpty();
  }

  @Test
  void aLowerRevisionIsANewHistory() {
    connect();
    last(wire().watches).broken(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "cut"));
    loop.advance(SECOND / 10);
    answerRange(3, entry(A, "other", 2));
    assertThat(last(said.batches()).newHistory).isTrue();
    assertThat(said.view()).isEqualTo(Map.of(A, "other"));
    created(3);
    event(last(wire().watches), entry(A, "next", 4));
    assertThat(said.view()).isEqualTo(Map.of(A, "next"));
  }

  @Test
  void aWatchThatIsNotCreatedInTimeIsDoubt() {
    answerRange(10, entry(A, "1", 5));
    loop.advance(4 * SECOND);
    assertThat(wire().ranges).hasSize(2);
  }

  @Test
  void anAnswerThatNeverComesIsNotWaitedForForEver() {
    loop.advance(200 * SECOND);
    assertThat(wires.size()).as("a client that never answers is replaced").isGreaterThan(2);
    assertThat(wires.get(0).closed).isTrue();
    assertThat(said.connected()).isFalse();
    wires.get(0).ranges.get(0).ok(new EtcdClient.Page(7, 99, List.of(entry(A, "late", 98)), false));
    loop.run();
    assertThat(said.view()).isEmpty();
    connect();
  }

  @Test
  void aWrongPasswordIsTriedAfterASecondDoublingToAMinute() {
    long[] seconds = {1, 2, 4, 8, 16, 32, 60, 60};
    for (int i = 0; i < seconds.length; i++) {
      last(wire().ranges)
          .failed(new EtcdCallException(EtcdCallException.Kind.AUTH, "authentication failed"));
      loop.advance(seconds[i] * 88 * SECOND / 100);
      assertThat(wires).hasSize(i + 1);
      loop.advance(seconds[i] * 12 * SECOND / 100 + SECOND / 5);
      assertThat(wires).hasSize(i + 2);
    }
    assertThat(said.reason()).isEqualTo("authentication failed");
  }

  @Test
  void aWrongPasswordIsTriedAtOnceWhenUsersMayHaveChangedButNotAgainAndAgain() {
    for (int due = 1; due <= 16; due *= 2) {
      refuse();
      assertThat(tellAside(70)).as("nothing has changed").isGreaterThan(due * 88 * SECOND / 100);
    }
    refuse();
    assertThat(tellAside(71)).isLessThan(5 * SECOND / 4);
    assertThat(wires.get(wires.size() - 2).closed).isTrue();
    int tries = 0;
    for (long passed = 0; passed < 600 * SECOND; tries++) {
      refuse();
      passed += tellAside(72 + tries);
    }
    assertThat(tries).as("in ten minutes in which much is going on").isBetween(12, 24);
    connect();
  }

  private void refuse() {
    last(wire().ranges)
        .failed(new EtcdCallException(EtcdCallException.Kind.AUTH, "authentication failed"));
    loop.run();
  }

  /** Answers so until the next log-in; how long that took. */
  private long tellAside(long number) {
    FakeWire refused = wire();
    long began = loop.now();
    while (wire() == refused) {
      if (refused.aside != null) {
        EtcdClient.Answer<Long> answer = refused.aside;
        refused.aside = null;
        answer.ok(number);
      }
      loop.advance(SECOND / 20);
    }
    return loop.now() - began;
  }

  @Test
  void aWatchThatStopsAnsweringIsDoubt() {
    connect();
    loop.advance(SECOND);
    assertThat(wire().pings).isEqualTo(1);
    event(last(wire().watches), entry(A, "2", 11));
    loop.advance(8 * SECOND);
    assertThat(wire().ranges).as("an etcd that never answers pings is not held to it").hasSize(1);
    for (int before = wire().pings; wire().pings == before; ) {
      loop.advance(SECOND / 100);
    }
    last(wire().watches).events(new EtcdClient.Events(false, 7, 12, List.of()));
    loop.advance(149 * SECOND / 100);
    assertThat(wire().closedWatches).isZero();
    loop.advance(SECOND / 50);
    assertThat(wire().closedWatches).as("1.5 s after the last answer").isEqualTo(1);
    loop.advance(SECOND);
    assertThat(wire().ranges).hasSizeGreaterThan(1);
  }

  @Test
  void eventsWithoutAnAnswerBuyTimeOnce() {
    connect();
    last(wire().watches).events(new EtcdClient.Events(false, 7, 10, List.of()));
    loop.advance(3 * SECOND / 4);
    assertThat(wire().pings).isEqualTo(2);
    event(last(wire().watches), entry(A, "2", 11));
    loop.advance(3 * SECOND / 4);
    assertThat(wire().pings).as("asked again at once").isEqualTo(3);
    assertThat(wire().closedWatches).isZero();
    loop.advance(3 * SECOND / 4);
    assertThat(wire().closedWatches).isEqualTo(1);
  }

  @Test
  void anEtcdThatWasSlowIsNotGivenItsOldTimeOnANewWatch() {
    connect();
    loop.advance(SECOND);
    last(wire().watches).events(new EtcdClient.Events(false, 7, 10, List.of())); // 4 s from now on
    last(wire().watches).broken(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "cut"));
    loop.advance(SECOND / 5);
    answerRange(10, entry(A, "1", 5));
    created(10);
    last(wire().watches).events(new EtcdClient.Events(false, 7, 10, List.of()));
    int closed = wire().closedWatches;
    loop.advance(151 * SECOND / 100);
    assertThat(wire().closedWatches).isEqualTo(closed + 1);
  }

  @Test
  void anEtcdThatIsOnlySlowToAnswerGetsMoreTime() {
    connect();
    last(wire().watches).events(new EtcdClient.Events(false, 7, 10, List.of()));
    int doubts = 0;
    for (int tenths = 0; tenths < 200; tenths++) {
      loop.advance(SECOND / 10);
      if (wire().ranges.size() > 1 + doubts) {
        doubts++;
        answerRange(10, entry(A, "1", 5));
        created(10);
      }
    }
    assertThat(doubts).as("after 0.75, 1.5, 3, 6 s and the pauses between").isBetween(3, 5);
  }

  @Test
  void afterSilenceEveryTryIsANewConnection() {
    connect();
    wire().ready = false;
    last(wire().watches).broken(new EtcdCallException(EtcdCallException.Kind.DEADLINE, "mute"));
    loop.advance(10 * SECOND);
    assertThat(wire().ranges).as("nothing is asked where nothing is connected").hasSize(1);
    assertThat(wire().afresh).as("one in 1.25 s, some wait longer").isBetween(5, 9);
    wire().ready = true;
    loop.advance(SECOND / 10 + SECOND / 4);
    assertThat(wire().ranges).hasSize(2);
    answerRange(20, entry(A, "2", 18));
    created(20);
    assertThat(said.view()).isEqualTo(Map.of(A, "2"));
  }

  @Test
  void anOutageIsAnsweredByATryASecondHoweverLongItLasts() {
    connect();
    last(wire().watches).broken(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "cut"));
    for (int minute = 0; minute < 60; minute++) {
      int tries = 0;
      for (int tenth = 0; tenth < 600; tenth++) {
        FakeWire w = wire();
        int asked = w.ranges.size();
        loop.advance(SECOND / 10);
        if (wire() != w || w.ranges.size() > asked) {
          tries++;
          last(wire().ranges)
              .failed(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "cut"));
        }
      }
      assertThat(tries).as("in minute %d", minute).isBetween(45, 70);
    }
    FakeWire w = wire();
    int asked = w.ranges.size();
    loop.advance(2 * SECOND - SECOND / 2); // half a second for the answers
    assertThat(wire() != w || w.ranges.size() > asked).as("etcd is back, and asked").isTrue();
    answerRange(20, entry(A, "2", 18));
    created(20);
    assertThat(said.view()).isEqualTo(Map.of(A, "2"));
  }

  @Test
  void theReconcileReadsKeysOnlyAndIsQuietWhenNothingIsLost() {
    connect();
    awaitRanges(2);
    assertThat(wire().keysOnly).containsExactly(true, true);
    assertThat(wire().valuesOf).containsExactly(A);
    answerRange(40, entry(A, "", 5));
    assertThat(wire().ranges).hasSize(2);
    awaitRanges(3);
    answerRange(41, entry(A, "", 5), entry("/service/lost/route", "", 8));
    assertThat(wire().keysOnly).hasSize(4);
    answerRange(41, entry(A, "", 5), entry("/service/lost/route", "found", 8));
    assertThat(wire().valuesOf)
        .as("only what is not known")
        .containsExactly(A, "/service/lost/route");
    assertThat(said.view()).isEqualTo(Map.of(A, "1", "/service/lost/route", "found"));
  }

  @Test
  void theReconcileWaitsForADeletionThatIsUnderWay() {
    Entry b = entry("/service/b/rate-limit", "1", 6);
    answerRange(10, entry(A, "1", 5), b);
    created(10);
    awaitRanges(2);
    answerRange(12, entry(A, "", 5));
    event(last(wire().watches), entry(b.key, null, 12));
    loop.advance(3 * SECOND);
    assertThat(store.repairs()).isZero();
    assertThat(wire().ranges).as("nothing is read again").hasSize(2);
    assertThat(said.view()).isEqualTo(Map.of(A, "1"));
  }

  @Test
  void theReconcileFindsADeletionThatNeverComesAlthoughOtherEventsDo() {
    Entry b = entry("/service/b/rate-limit", "1", 6);
    answerRange(10, entry(A, "1", 5), b);
    created(10);
    awaitRanges(2);
    answerRange(12, entry(A, "", 5));
    loop.advance(SECOND);
    event(last(wire().watches), entry(A, "2", 13));
    assertThat(store.repairs()).isZero();
    loop.advance(SECOND);
    assertThat(store.repairs()).isEqualTo(1);
    answerRange(13, entry(A, "2", 13));
    assertThat(said.view()).isEqualTo(Map.of(A, "2"));
  }

  @Test
  void theReconcileFindsADeletionAtOnceThatTheWatchHasPassed() {
    Entry b = entry("/service/b/rate-limit", "1", 6);
    answerRange(10, entry(A, "1", 5), b);
    created(10);
    event(last(wire().watches), entry(A, "2", 13));
    awaitRanges(2);
    answerRange(13, entry(A, "", 13));
    assertThat(store.repairs()).isEqualTo(1);
    answerRange(13, entry(A, "2", 13));
    assertThat(said.view()).isEqualTo(Map.of(A, "2"));
  }

  private void awaitRanges(int count) {
    for (int i = 0; i < 80 && wire().ranges.size() < count; i++) {
      loop.advance(SECOND);
    }
    assertThat(wire().ranges).hasSize(count);
  }

  @Test
  void aTransactionIsAnsweredEvenWhenEtcdIsNot() {
    connect();
    List<Txn.Outcome> outcomes = new ArrayList<>();
    store.txn(new Txn().ifAbsent(A).put(A, "x", 0), outcomes::add);
    loop.advance(10 * SECOND);
    assertThat(outcomes).hasSize(1);
    assertThat(outcomes.get(0).kind).isEqualTo(Txn.Outcome.Kind.UNKNOWN);
    wire().txns.get(0).ok(new Txn.Outcome(Txn.Outcome.Kind.DONE, 12, ""));
    loop.run();
    assertThat(outcomes).hasSize(1);
  }

  @Test
  void aLeaseIsLostWhenNotRenewedForItsTtl() {
    connect();
    List<String> told = new ArrayList<>();
    LeaseSession lease =
        store.lease(
            9,
            new LeaseSession.Listener() {
              @Override
              public void onGranted(long id) {
                told.add("granted " + id);
              }

              @Override
              public void onLost(long id, String reason) {
                told.add("lost " + id);
              }
            });
    loop.run();
    last(wire().grants).ok(41L);
    loop.advance(3 * SECOND);
    last(wire().keepAlives).ok(9L);
    loop.advance(8 * SECOND);
    assertThat(told).containsExactly("granted 41");
    for (int i = 0; i < 20; i++) {
      last(wire().keepAlives)
          .failed(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "etcd is away"));
      loop.advance(SECOND / 2);
    }
    assertThat(told).containsExactly("granted 41", "lost 41");
    assertThat(lease.id()).isZero();
    last(wire().grants).ok(42L);
    loop.run();
    assertThat(told).containsExactly("granted 41", "lost 41", "granted 42");
    last(wire().keepAlives)
        .failed(new EtcdCallException(EtcdCallException.Kind.NOT_FOUND, "not found"));
    loop.run();
    assertThat(told).as("an answer about the old lease").hasSize(3);
  }

  @Test
  void theNextMessageOfAWatchIsAskedForWhenTheLastOneWasTaken() {
    connect();
    int before = wire().taken;
    last(wire().watches).events(new EtcdClient.Events(false, 7, 11, List.of(entry(A, "2", 11))));
    assertThat(wire().taken).as("it is not taken yet").isEqualTo(before);
    loop.run();
    assertThat(wire().taken).isEqualTo(before + 1);
  }

  @Test
  void whatIsTooLargeAtOnceIsReadAgainEverMoreSlowlyAndSaidOnce() {
    connect();
    long[] waits = new long[9];
    for (int i = 0; i < waits.length; i++) {
      last(wire().watches).broken(new EtcdCallException(EtcdCallException.Kind.TOO_LARGE, "5 MB"));
      waits[i] = untilAsked();
      answerRange(20 + i, entry(A, "1", 5));
      created(20 + i);
    }
    assertThat(waits[0]).isLessThan(SECOND / 2);
    assertThat(waits[4]).isGreaterThan(3 * SECOND);
    assertThat(waits[8]).isBetween(26 * SECOND, 31 * SECOND);
    assertThat(said.lines()).hasSize(1).allMatch(l -> l.contains("more at once than is taken"));
    assertThat(said.view()).isEqualTo(Map.of(A, "1"));
    loop.advance(0);
    keepAlive(70);
    last(wire().watches).broken(new EtcdCallException(EtcdCallException.Kind.TOO_LARGE, "5 MB"));
    int asked = wire().ranges.size();
    loop.advance(SECOND / 2);
    assertThat(wire().ranges).as("after a minute of calm").hasSize(asked + 1);
  }

  private long untilAsked() {
    int asked = wire().ranges.size();
    long began = loop.now();
    while (wire().ranges.size() == asked && loop.now() - began < 100 * SECOND) {
      loop.advance(SECOND / 20);
    }
    return loop.now() - began;
  }

  private void keepAlive(int seconds) {
    for (int i = 0; i < 2 * seconds; i++) {
      last(wire().watches).events(new EtcdClient.Events(false, 7, 40, List.of()));
      int ranges = wire().ranges.size();
      loop.advance(SECOND / 2);
      if (wire().ranges.size() > ranges) {
        answerRange(40, entry(A, "1", 5)); // a reconcile
      }
    }
  }

  @Test
  void tooManyRulesLeaveTheLastGoodOnesAndAreSaidOnce() {
    connect();
    List<Entry> many = new ArrayList<>();
    for (int i = 0; i < 3000; i++) {
      many.add(entry(String.format("/service/many/rate-limit/%04d", i), "", 11));
    }
    event(last(wire().watches), many.toArray(new Entry[0]));
    assertThat(said.view()).isEqualTo(Map.of(A, "1"));
    assertThat(said.connected()).isFalse();
    assertThat(said.reason()).contains("4 MB", "-Xmx");
    many.add(0, entry(A, "1", 5));
    long waited = 0;
    for (int i = 0; i < 9; i++) {
      waited = untilAsked();
      answerRange(12, many.toArray(new Entry[0]));
    }
    assertThat(waited).isBetween(26 * SECOND, 31 * SECOND);
    assertThat(wires).as("the client is not to blame").hasSize(1);
    assertThat(said.view()).isEqualTo(Map.of(A, "1"));
    untilAsked();
    answerRange(13, entry(A, "1", 5), entry("/service/b/route", "2", 13));
    created(13);
    assertThat(said.connected()).isTrue();
    assertThat(said.view()).isEqualTo(Map.of(A, "1", "/service/b/route", "2"));
  }

  @Test
  void tooManyRegistrationsLeaveRulesAndKnownInstancesFollowed() {
    connect();
    List<Entry> many = new ArrayList<>();
    for (int i = 0; i < 3000; i++) {
      many.add(entry(String.format("/services/many/instances/h:%04d", i + 1), "alive", 11));
    }
    event(last(wire().watches), many.toArray(new Entry[0]));
    int known = said.view().size();
    assertThat(known).as("what 4 MB hold").isBetween(1500, 2100);
    event(last(wire().watches), entry(A, "2", 12), entry(many.get(0).key, null, 12));
    assertThat(said.view()).containsEntry(A, "2").hasSize(known - 1);
    assertThat(said.connected()).isTrue();
    assertThat(said.lines()).hasSize(1).allMatch(l -> l.contains("more instances are registered"));
    int asked = wire().ranges.size();
    loop.advance(2 * SECOND);
    assertThat(wire().ranges).as("one has gone: there may be room").hasSize(asked + 1);
    many.set(0, entry(A, "2", 12));
    answerPage(12, false, many.toArray(new Entry[0]));
    assertThat(last(wire().ranges)).as("behind the registrations").isNotNull();
    answerRange(12);
    created(12);
    assertThat(said.view()).containsEntry(A, "2").hasSizeBetween(known - 1, known + 1);
    loop.advance(61 * SECOND);
    answerRange(13, entry(A, "2", 12), many.get(1), many.get(2));
    created(13);
    assertThat(said.view()).hasSize(3);
    assertThat(last(said.lines())).contains("all registrations in etcd are followed again");
  }
}
