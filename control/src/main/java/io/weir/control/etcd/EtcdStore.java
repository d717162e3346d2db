package io.weir.control.etcd;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Txn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * etcd as a {@link SharedStore}: one range, one watch, and no trust in either.
 *
 * <p>A watch that breaks and is resumed by the client may lose events without a word, in every
 * version of jetcd. So nothing is ever resumed here. Any doubt - an error, an end, a second
 * "created", a compaction, a lower revision, another cluster id - leads to one answer: {@link
 * #again}, which after a short back-off reads the whole range at one revision R, tells the
 * difference to what was told before, and watches from R + 1. Every such round has its generation;
 * whatever arrives from an older one is dropped. Within a generation a change is applied only when
 * its mod revision is higher than the revision known, so duplicates and events out of order do no
 * harm. Since bare etcd has lost events of its own (3.4), a slow reconcile compares keys and mod
 * revisions and starts the same round when they differ.
 *
 * <p>All state belongs to the control loop; there is no lock. Answers of the client are handed over
 * to it, and each is awaited for a bounded time, whatever the client does.
 *
 * <p>Even a watch that says nothing may be dead, so etcd is asked to say something on it, 0.75 s
 * after each answer, and when nothing comes within 0.75 s, that is a doubt like the others: 1.5 s
 * after a connection went mute at the latest, so that two seconds are enough to know what happened
 * on it. Where etcd is slower, it gets four times what its last answer took, and twice the time
 * after a doubt that found nothing changed, up to 6 s.
 *
 * <p>Times: back-off 20-100 ms, then 0.1 s doubling to 1 s, however long etcd is away: rules are to
 * be in force within two seconds of its return. gRPC's own back-off is ended before each try. A
 * connection that gave no answer may be mute for ever, so after one that did not every try makes a
 * new connection, and gives it a second. A client is replaced after 30 s (its addresses may have
 * moved), the next ones after twice as long each time, up to ten minutes; at once when the
 * certificate files have changed.
 *
 * <p>A wrong password is tried again after 1 s doubling to a minute, because a check costs etcd
 * some 50 ms of CPU, times the fleet. But whether it may have been mended costs nothing to ask:
 * etcd tells anybody how many raft entries it has applied and how many revisions its keys have, and
 * a change of users raises the first and not the second. So their difference is looked at twice a
 * second, and when it has changed, the log-in is tried at once. Other things change it, too
 * (leases, transactions that write nothing), so after four tries in vain on its account the next
 * ones wait 1, 2, 4 ... s. An etcd that does not tell (from 3.7 on only to root) leaves the
 * schedule as it is.
 */
public final class EtcdStore implements SharedStore {
  /**
   * The range that is followed, [FIRST, END): breaker state, quotas, rules, instances, those who
   * look on and the kill switch are neighbours in key order. What is only written ({@code
   * /weir/status/...}) and what others may keep after it is not streamed to every JVM.
   */
  static final String FIRST = "/circuit-breaker/";

  static final String END = "/weir/off\0";

  /** All of {@code /weir/}: status keys and the history, which only operators' tools look at. */
  private static final String OVERSEER_END = "/weir0";

  private static final List<String> OURS =
      Arrays.asList(
          "/circuit-breaker/", "/quota/", "/service/", "/services/", "/weir/look/", "/weir/off");
  private static final List<String> OVERSEEN =
      Arrays.asList("/circuit-breaker/", "/quota/", "/service/", "/services/", "/weir/");

  private static final int PAGE = 1000;
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long CREATED_NANOS = 3 * SECOND;

  /** Above the client's own deadlines: for answers that never come. */
  private static final long GUARD_NANOS = 6 * SECOND;

  private static final long CONNECT_NANOS = 150 * MILLI;
  private static final long POLL_NANOS = 10 * MILLI;
  private static final long PING_NANOS = 750 * MILLI;
  private static final long PONG_NANOS = 750 * MILLI;
  private static final long ASIDE_NANOS = 500 * MILLI;
  private static final long UNKNOWN = Long.MIN_VALUE;
  private static final int FREE_TRIES = 4;

  private final EtcdOptions options;
  private final Loop loop;
  private final Log log;
  private final Wire.Factory factory;
  private final Random random;
  private final long reconcileNanos;
  private final String end;
  private final List<String> ours;
  private final boolean follow;
  private final List<EtcdLease> leases = new ArrayList<EtcdLease>();

  // loop only: answers to revocations still to come; the connection is not closed under them
  private final List<CountDownLatch> revoking = new ArrayList<CountDownLatch>();

  private @Nullable Wire wire;

  /** The newest there was, closed or not, for who leaves. */
  private volatile @Nullable Wire newest;

  private long wireSince;

  /** From {@link #start} on, which comes before everything that needs it. */
  @SuppressWarnings("NullAway.Init")
  private Listener listener;

  private boolean closed;

  /** The truth as told to the listener. */
  private final Map<String, Entry> view = new TreeMap<String, Entry>();

  private long revision;
  private long clusterId;
  private boolean told;

  private int generation;
  private Wire.@Nullable Watch watch;
  private boolean created;

  /** Messages of the watch, to tell whether it answers. */
  private long heard;

  /** Whether this etcd has ever answered a ping: one before 3.4 does not. */
  private boolean pongs;

  /** How long a ping may go without answer. */
  private long pongNanos = PONG_NANOS;

  private boolean pinged;
  private long pingedAt;

  /** Whether this round was begun because a ping went without answer. */
  private boolean afterPing;

  private Loop.@Nullable Timer pingTimer;
  private Loop.@Nullable Timer createdTimer;
  private Loop.@Nullable Timer nextTimer;
  private Loop.@Nullable Timer reconcileTimer;

  private boolean connected;
  private @Nullable String lastReason;
  private int attempts;

  /** Whether the last failure was silence. */
  private boolean mute;

  /** Clients given up during this outage. */
  private int replaced;

  private long filesStamp;

  /** The client whose log-in was refused, kept to look from aside. */
  private @Nullable Wire refused;

  /** What was applied aside from keys, as known before the last log-in, and at the last look. */
  private long aside = UNKNOWN;

  private long latest = UNKNOWN;

  /** Log-ins tried in vain because that had changed. */
  private int rash;

  private long awaySince;
  private boolean away;
  private long resyncs;
  private long repairs;

  public EtcdStore(EtcdOptions options, Loop loop, Log log) {
    this(options, loop, log, JetcdWire::connect, new Random(), 60 * SECOND, END, OURS, true);
  }

  /**
   * A store that also follows {@code /weir/...}: what instances say of themselves, and the history.
   * For an operator's tool, never for an agent: each would hear of every other.
   *
   * @param follow false: everything is read once, and nothing is watched
   */
  public static EtcdStore overseer(EtcdOptions options, Loop loop, Log log, boolean follow) {
    return new EtcdStore(
        options,
        loop,
        log,
        JetcdWire::connect,
        new Random(),
        60 * SECOND,
        OVERSEER_END,
        OVERSEEN,
        follow);
  }

  EtcdStore(
      EtcdOptions options,
      Loop loop,
      Log log,
      Wire.Factory factory,
      Random random,
      long reconcileNanos) {
    this(options, loop, log, factory, random, reconcileNanos, END, OURS, true);
  }

  private EtcdStore(
      EtcdOptions options,
      Loop loop,
      Log log,
      Wire.Factory factory,
      Random random,
      long reconcileNanos,
      String end,
      List<String> ours,
      boolean follow) {
    this.options = options;
    this.loop = loop;
    this.log = log;
    this.factory = factory;
    this.random = random;
    this.reconcileNanos = reconcileNanos;
    this.end = end;
    this.ours = ours;
    this.follow = follow;
  }

  @Override
  public void start(Listener l) {
    loop.execute(
        () -> {
          listener = l;
          away = true;
          awaySince = loop.now();
          resync();
          reconcileLater();
        });
  }

  @Override
  public void close() {
    loop.execute(this::shutDown);
  }

  /**
   * The process ends now, and need not wait for the client's threads. For a shutdown hook of a
   * tool; nothing works afterwards, and nothing is closed.
   */
  public void leave() {
    Wire w = newest;
    if (w != null) {
      w.leave();
    }
  }

  private void shutDown() {
    if (closed) {
      return;
    }
    closed = true;
    generation++;
    cancel(nextTimer);
    cancel(createdTimer);
    cancel(pingTimer);
    cancel(reconcileTimer);
    closeWatch();
    closeRefused();
    Wire last = wire;
    wire = null;
    if (last == null) {
      return;
    }
    CountDownLatch revoked = new CountDownLatch(connected ? leases.size() : 0);
    for (EtcdLease lease : leases) {
      long id = lease.end();
      if (id == 0 || !connected) {
        revoked.countDown();
      } else {
        last.revoke(id, counting(revoked));
      }
    }
    leases.clear();
    try {
      // the only wait on the loop, and its last task: keys under a lease should go at once
      long deadline = System.nanoTime() + 2 * SECOND;
      revoked.await(2 * SECOND, TimeUnit.NANOSECONDS);
      for (CountDownLatch earlier : revoking) {
        earlier.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    last.close();
  }

  private static Wire.Answer<Long> counting(CountDownLatch latch) {
    return new Wire.Answer<Long>() {
      @Override
      public void ok(@Nullable Long value) {
        latch.countDown();
      }

      @Override
      public void failed(WireException e) {
        latch.countDown();
      }
    };
  }

  // ---- the round: range, difference, watch

  private void resync() {
    if (closed) {
      return;
    }
    generation++;
    resyncs++;
    closeWatch();
    if (!client()) {
      return;
    }
    page(generation, key(FIRST), 0, 0, false, new ArrayList<Entry>(), this::adopt);
  }

  /** Makes a client when there is none; false: it cannot be made now. */
  private boolean client() {
    if (wire != null) {
      return true;
    }
    try {
      filesStamp = options.filesStamp();
      wire = factory.connect(options);
      newest = wire;
      wireSince = loop.now();
      return true;
    } catch (RuntimeException | LinkageError e) {
      again(new WireException(WireException.Kind.TLS, String.valueOf(e.getMessage())));
      return false;
    }
  }

  /** Where there is one: {@link #reachable}, or a round under way. */
  private Wire wire() {
    return Objects.requireNonNull(wire);
  }

  private interface Whole {
    void read(long clusterId, long revision, List<Entry> entries);
  }

  /** Reads page after page at the first one's revision. */
  private void page(
      int g,
      String from,
      long pinned,
      long cluster,
      boolean keysOnly,
      List<Entry> sofar,
      Whole whole) {
    wire()
        .range(
            from,
            key(end),
            PAGE,
            pinned,
            keysOnly,
            guarded(
                g,
                new Wire.Answer<Wire.Page>() {
                  @Override
                  public void ok(Wire.Page p) {
                    long at = pinned == 0 ? p.revision : pinned;
                    long of = pinned == 0 ? p.clusterId : cluster;
                    for (Entry e : p.entries) {
                      Entry own = own(e);
                      if (own != null) {
                        sofar.add(own);
                      }
                    }
                    if (p.more && !p.entries.isEmpty()) {
                      String next = p.entries.get(p.entries.size() - 1).key + "\0";
                      page(g, next, at, of, keysOnly, sofar, whole);
                    } else {
                      whole.read(of, at, sofar);
                    }
                  }

                  @Override
                  public void failed(WireException e) {
                    again(e);
                  }
                }));
  }

  private void adopt(long cluster, long at, List<Entry> entries) {
    boolean newHistory = told && (cluster != clusterId || at < revision);
    if (newHistory) {
      log.warn(
          "weir: etcd has another history (cluster "
              + Long.toHexString(cluster)
              + " at revision "
              + at
              + ", was "
              + Long.toHexString(clusterId)
              + " at "
              + revision
              + "): taken over as it is");
    }
    Map<String, Entry> now = new HashMap<String, Entry>();
    List<Change> changes = new ArrayList<Change>();
    for (Entry e : entries) {
      now.put(e.key, e);
      Entry before = view.get(e.key);
      if (before == null
          || before.modRevision != e.modRevision
          || before.lease != e.lease
          || newHistory && !Arrays.equals(before.value, e.value)) {
        changes.add(new Change(e.key, e));
      }
    }
    for (String key : view.keySet()) {
      if (!now.containsKey(key)) {
        changes.add(new Change(key, null));
      }
    }
    if (afterPing) {
      afterPing = false;
      pongNanos = changes.isEmpty() ? Math.min(8 * PONG_NANOS, 2 * pongNanos) : pongNanos;
    }
    view.clear();
    view.putAll(now);
    revision = at;
    clusterId = cluster;
    if (!changes.isEmpty() || newHistory || !told) {
      told = true;
      listener.onBatch(new Batch(at, changes, newHistory));
    }
    if (follow) {
      follow();
    }
  }

  private void follow() {
    final int g = generation;
    created = false;
    createdTimer =
        loop.schedule(
            () -> {
              if (g == generation && !created) {
                again(
                    new WireException(
                        WireException.Kind.DEADLINE, "the watch was not created in time"));
              }
            },
            CREATED_NANOS);
    try {
      watch =
          wire()
              .watch(
                  key(FIRST),
                  key(end),
                  revision + 1,
                  new Wire.Watching() {
                    @Override
                    public void events(Wire.Events e) {
                      loop.execute(() -> onEvents(g, e));
                    }

                    @Override
                    public void broken(WireException e) {
                      loop.execute(() -> onBroken(g, e));
                    }
                  });
    } catch (RuntimeException e) {
      again(new WireException(WireException.Kind.OTHER, String.valueOf(e)));
    }
  }

  private void onBroken(int g, WireException e) {
    if (g == generation) {
      again(e);
    }
  }

  private void onEvents(int g, Wire.Events e) {
    if (g != generation || closed) {
      return;
    }
    heard++;
    if (!e.created && e.events.isEmpty()) {
      pongs = true;
      if (pinged) {
        pinged = false;
        long took = loop.now() - pingedAt;
        pongNanos = Math.max(PONG_NANOS, Math.min(8 * PONG_NANOS, 4 * took));
        pingLater(g);
      }
    }
    if (e.created) {
      if (created || e.clusterId != clusterId || e.revision < revision) {
        // re-created behind our back, or another store: what lies between may be lost
        again(new WireException(WireException.Kind.UNAVAILABLE, "the watch was re-created"));
        return;
      }
      created = true;
      cancel(createdTimer);
      attempts = 0;
      replaced = 0;
      away = false;
      mute = false;
      rash = 0;
      pinged = false;
      pingLater(g);
      connected(true, "");
      for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
        lease.connected();
      }
    }
    Map<String, Change> changes = new TreeMap<String, Change>();
    long newest = revision;
    for (Entry raw : e.events) {
      if (raw.modRevision <= revision) {
        continue;
      }
      newest = Math.max(newest, raw.modRevision);
      Entry own = own(raw);
      if (own == null) {
        continue;
      }
      Entry now = own.value == null ? null : own;
      if (now == null && view.remove(own.key) == null && !changes.containsKey(own.key)) {
        continue;
      }
      if (now != null) {
        view.put(own.key, now);
      }
      changes.put(own.key, new Change(own.key, now));
    }
    revision = newest;
    if (!changes.isEmpty()) {
      listener.onBatch(new Batch(revision, new ArrayList<Change>(changes.values()), false));
    }
  }

  private void pingLater(int g) {
    cancel(pingTimer);
    pingTimer = loop.schedule(() -> ping(g), PING_NANOS);
  }

  private void ping(int g) {
    if (g != generation || closed) {
      return;
    }
    final long before = heard;
    if (!pinged || !pongs) {
      pinged = true;
      pingedAt = loop.now();
    }
    if (watch != null) {
      watch.ping();
    }
    pingTimer =
        loop.schedule(
            () -> {
              if (g != generation) {
                return;
              }
              if (!pongs) {
                pingLater(g);
              } else if (heard == before) {
                afterPing = true;
                again(new WireException(WireException.Kind.DEADLINE, "the watch is mute"));
              } else {
                ping(g); // events came, the answer did not: they may have been the last
              }
            },
            pongNanos);
  }

  // ---- doubt

  private void again(WireException e) {
    if (closed) {
      return;
    }
    generation++;
    closeWatch();
    cancel(createdTimer);
    cancel(nextTimer);
    if (!away) {
      away = true;
      awaySince = loop.now();
    }
    boolean dear = e.kind == WireException.Kind.AUTH;
    boolean told =
        dear || e.kind == WireException.Kind.TLS || e.kind == WireException.Kind.PERMISSION;
    boolean doubtOnly = e.kind == WireException.Kind.COMPACTED;
    if (!doubtOnly && (attempts > 0 || told)) {
      // the first break is often over before anyone could read about it
      connected(false, e.text());
    }
    mute = e.kind == WireException.Kind.DEADLINE;
    long awayFor = loop.now() - awaySince;
    long patience = Math.min(600 * SECOND, 30 * SECOND << Math.min(5, replaced));
    boolean old = awayFor > patience && loop.now() - wireSince > patience;
    if (dear && wire != null) {
      refused = wire;
      wire = null;
      replaced++;
      long delay = jitter(Math.min(60 * SECOND, SECOND << Math.min(6, attempts++)));
      long early = Math.min(60 * SECOND, SECOND << Math.min(6, Math.max(0, rash - FREE_TRIES)));
      nextTimer = loop.schedule(this::logIn, delay);
      latest = UNKNOWN;
      lookAside(generation, loop.now() + early);
      return;
    }
    if (wire != null && (old || options.filesStamp() != filesStamp)) {
      Wire last = wire;
      wire = null;
      replaced++;
      last.close();
    }
    long delay = backOff();
    attempts++;
    nextTimer = loop.schedule(this::reconnect, delay);
  }

  /**
   * Tries the next log-in before it is due, but not before {@code from}, when users may have
   * changed. The same number twice: what is being written just now blurs it.
   */
  private void lookAside(int g, long from) {
    loop.schedule(
        () -> {
          Wire asked = refused;
          if (g == generation && asked != null) {
            asked.aside(
                guarded(
                    g,
                    new Wire.Answer<Long>() {
                      @Override
                      public void ok(Long now) {
                        boolean changed = aside != UNKNOWN && now != aside && now == latest;
                        aside = aside == UNKNOWN ? now : aside;
                        latest = now;
                        if (changed && loop.now() >= from) {
                          logIn();
                        } else {
                          lookAside(g, from);
                        }
                      }

                      @Override
                      public void failed(WireException e) {
                        lookAside(g, from);
                      }
                    }));
          }
        },
        ASIDE_NANOS);
  }

  private void logIn() {
    cancel(nextTimer);
    rash = latest == UNKNOWN || latest == aside ? 0 : rash + 1;
    aside = latest == UNKNOWN ? aside : latest;
    closeRefused();
    reconnect();
  }

  private void closeRefused() {
    Wire last = refused;
    refused = null;
    if (last != null) {
      last.close();
    }
  }

  private long backOff() {
    if (attempts == 0) {
      return 20 * MILLI + (long) (random.nextDouble() * 80 * MILLI);
    }
    // a mute connection takes its second besides
    long cap = mute ? 250 * MILLI : SECOND;
    return jitter(Math.min(cap, 100 * MILLI << Math.min(10, attempts - 1)));
  }

  private long jitter(long nanos) {
    return (long) (nanos * (0.9 + 0.1 * random.nextDouble()));
  }

  /** Lets the channel connect first: a call that meets it still broken fails at once. */
  private void reconnect() {
    if (wire == null || attempts <= 1 && !mute) {
      resync();
    } else if (mute) {
      wire.reconnectAfresh();
      // most tries hurry; now and then one waits as long as a slow way to etcd may need
      long patience = attempts % 5 == 0 ? options.connectTimeoutMillis * MILLI : SECOND;
      awaitReady(loop.now() + patience);
    } else {
      wire.reconnect();
      awaitReady(loop.now() + CONNECT_NANOS);
    }
  }

  private void awaitReady(long deadline) {
    if (closed || wire == null) {
      return;
    }
    if (wire.ready() || !mute && loop.now() - deadline > 0) {
      resync();
    } else if (loop.now() - deadline > 0) {
      again(new WireException(WireException.Kind.DEADLINE, "no connection in time"));
    } else {
      nextTimer = loop.schedule(() -> awaitReady(deadline), POLL_NANOS);
    }
  }

  private void connected(boolean now, String reason) {
    if (now != connected || lastReason == null || !now && !lastReason.equals(reason)) {
      connected = now;
      lastReason = reason;
      listener.onConnected(now, reason);
    }
  }

  private void closeWatch() {
    Wire.Watch w = watch;
    watch = null;
    if (w != null) {
      try {
        w.close();
      } catch (RuntimeException e) {
        log.warn("weir: a watch did not close: " + e);
      }
    }
  }

  // ---- reconcile

  private void reconcileLater() {
    long delay = (long) (reconcileNanos * (0.8 + 0.4 * random.nextDouble()));
    reconcileTimer = loop.schedule(this::reconcile, delay);
  }

  private void reconcile() {
    reconcileLater();
    if (closed || wire == null || !created) {
      return;
    }
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      lease.check();
    }
    final long asked = revision;
    page(
        generation,
        key(FIRST),
        0,
        0,
        true,
        new ArrayList<Entry>(),
        (cluster, at, entries) -> compare(asked, cluster, at, entries));
  }

  /**
   * @param asked the revision known when the range was asked for
   */
  private void compare(long asked, long cluster, long at, List<Entry> entries) {
    if (cluster == clusterId && at >= asked && at < revision) {
      return; // events overtook the range: nothing can be said this time
    }
    boolean same = cluster == clusterId && at >= asked && entries.size() == view.size();
    long newest = revision;
    for (Entry e : entries) {
      Entry mine = view.get(e.key);
      newest = Math.max(newest, e.modRevision);
      same &= mine != null && mine.modRevision == e.modRevision;
    }
    if (same) {
      return;
    }
    if (cluster == clusterId && at >= asked && newest > revision) {
      // events of those revisions are on their way; look again when they should be here
      final long then = revision;
      final int g = generation;
      loop.schedule(
          () -> {
            if (g == generation && revision == then) {
              repair();
            }
          },
          2 * SECOND);
      return;
    }
    repair();
  }

  private void repair() {
    repairs++;
    log.warn("weir: the watch had lost something before revision " + revision + "; reading all");
    resync();
  }

  // ---- transactions and leases

  @Override
  public void txn(Txn txn, Txn.Done done) {
    loop.execute(() -> send(txn, done));
  }

  void send(Txn txn, Txn.Done done) {
    if (closed || wire == null) {
      done.done(new Txn.Outcome(Txn.Outcome.Kind.UNKNOWN, 0, "not connected"));
      return;
    }
    Txn spaced = txn;
    if (!options.namespace.isEmpty()) {
      spaced = new Txn();
      for (Txn.Compare c : txn.compares()) {
        spaced.ifModRevision(key(c.key), c.modRevision);
      }
      for (Txn.Write w : txn.writes()) {
        if (w.value == null) {
          spaced.delete(key(w.key));
        } else {
          spaced.put(key(w.key), w.value, w.lease);
        }
      }
    }
    wire.txn(
        spaced,
        guarded(
            new Wire.Answer<Txn.Outcome>() {
              @Override
              public void ok(Txn.Outcome outcome) {
                done.done(outcome);
              }

              @Override
              public void failed(WireException e) {
                done.done(new Txn.Outcome(Txn.Outcome.Kind.UNKNOWN, 0, e.text()));
              }
            }));
  }

  @Override
  public LeaseSession lease(int ttlSeconds, LeaseSession.Listener l) {
    final EtcdLease lease = new EtcdLease(this, loop, ttlSeconds, l);
    loop.execute(
        () -> {
          if (!closed) {
            leases.add(lease);
            lease.begin();
          }
        });
    return lease;
  }

  @Override
  public void grant(int ttlSeconds, Granted done) {
    loop.execute(
        () ->
            grantLease(
                ttlSeconds,
                new Wire.Answer<Long>() {
                  @Override
                  public void ok(Long id) {
                    done.granted(id);
                  }

                  @Override
                  public void failed(WireException e) {
                    done.granted(0);
                  }
                }));
  }

  void forget(EtcdLease lease) {
    leases.remove(lease);
  }

  void grantLease(int ttlSeconds, Wire.Answer<Long> answer) {
    if (reachable(answer)) {
      wire().grant(ttlSeconds, guarded(answer));
    }
  }

  void keepAlive(long id, Wire.Answer<Long> answer) {
    if (reachable(answer)) {
      wire().keepAlive(id, guarded(answer));
    }
  }

  void revoke(long id) {
    if (wire != null && connected) {
      CountDownLatch answered = new CountDownLatch(1);
      revoking.removeIf(r -> r.getCount() == 0);
      revoking.add(answered);
      wire.revoke(id, counting(answered));
    }
  }

  /** Answers the entry, or null when there is none. */
  @SuppressWarnings("NullAway") // the one answer that may be null
  void get(String key, Wire.Answer<Entry> answer) {
    if (!reachable(answer)) {
      return;
    }
    wire()
        .range(
            key(key),
            key(key) + "\0",
            1,
            0,
            false,
            guarded(
                new Wire.Answer<Wire.Page>() {
                  @Override
                  public void ok(Wire.Page p) {
                    answer.ok(p.entries.isEmpty() ? null : p.entries.get(0));
                  }

                  @Override
                  public void failed(WireException e) {
                    answer.failed(e);
                  }
                }));
  }

  private boolean reachable(Wire.Answer<?> answer) {
    if (closed || wire == null) {
      answer.failed(new WireException(WireException.Kind.UNAVAILABLE, "not connected"));
      return false;
    }
    return true;
  }

  // ---- answers to the loop, exactly once, in bounded time

  /** Dropped when the generation is over by then. */
  private <T> Wire.Answer<T> guarded(int g, Wire.Answer<T> answer) {
    return guarded(
        new Wire.Answer<T>() {
          @Override
          public void ok(T value) {
            if (g == generation && !closed) {
              answer.ok(value);
            }
          }

          @Override
          public void failed(WireException e) {
            if (g == generation && !closed) {
              answer.failed(e);
            }
          }
        });
  }

  private <T> Wire.Answer<T> guarded(Wire.Answer<T> answer) {
    boolean[] over = {false};
    Loop.Timer guard =
        loop.schedule(
            () -> {
              if (!over[0]) {
                over[0] = true;
                answer.failed(new WireException(WireException.Kind.DEADLINE, "no answer"));
              }
            },
            GUARD_NANOS);
    return onLoop(
        new Wire.Answer<T>() {
          @Override
          public void ok(T value) {
            if (!over[0]) {
              over[0] = true;
              guard.cancel();
              answer.ok(value);
            }
          }

          @Override
          public void failed(WireException e) {
            if (!over[0]) {
              over[0] = true;
              guard.cancel();
              answer.failed(e);
            }
          }
        });
  }

  private <T> Wire.Answer<T> onLoop(Wire.Answer<T> answer) {
    return new Wire.Answer<T>() {
      @Override
      public void ok(T value) {
        loop.execute(() -> answer.ok(value));
      }

      @Override
      public void failed(WireException e) {
        loop.execute(() -> answer.failed(e));
      }
    };
  }

  private static void cancel(Loop.@Nullable Timer timer) {
    if (timer != null) {
      timer.cancel();
    }
  }

  private String key(String key) {
    return options.namespace + key;
  }

  /** Without its namespace, or null: somebody else's. */
  private @Nullable Entry own(Entry e) {
    String key = e.key.substring(Math.min(e.key.length(), options.namespace.length()));
    for (String prefix : ours) {
      if (key.startsWith(prefix)) {
        return options.namespace.isEmpty()
            ? e
            : new Entry(key, e.value, e.createRevision, e.modRevision, e.lease);
      }
    }
    return null;
  }

  /** Whole ranges read so far, on the loop. */
  long resyncs() {
    return resyncs;
  }

  /** Times the reconcile found something lost, on the loop. */
  long repairs() {
    return repairs;
  }
}
