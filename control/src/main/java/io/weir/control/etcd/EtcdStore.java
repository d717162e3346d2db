package io.weir.control.etcd;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.store.Batch;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Txn;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
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
 * <p>The rest stands where it can be read alone: {@link KeySpace} which keys those are, {@link
 * Reading} how they are read and {@link ReadLimits} how much of them, {@link FollowedKeys} what is
 * known of them, {@link WatchProbe} whether a watch that says nothing is alive, {@link LoginRetry}
 * when a refused log-in is tried again, {@link EtcdCalls} the transactions and leases, {@link
 * BoundedAnswers} how the client's answers come to the loop.
 *
 * <p>Times: back-off 20-100 ms, then 0.1 s doubling to 1 s, however long etcd is away: rules are to
 * be in force within two seconds of its return. gRPC's own back-off is ended before each try. A
 * connection that gave no answer may be mute for ever, so after one that did not every try makes a
 * new connection, and gives it a second. A client is replaced after 30 s (its addresses may have
 * moved), the next ones after twice as long each time, up to ten minutes; at once when the
 * certificate files have changed. Where there is more than {@link ReadLimits} allow, 0.25 s
 * doubling to 30 s.
 */
public final class EtcdStore implements SharedStore {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long CREATED_NANOS = 3 * SECOND;

  /** A watch that has stood so long has had nothing too large for a while. */
  private static final long CALM_NANOS = 60 * SECOND;

  private static final long CONNECT_NANOS = 150 * MILLI;
  private static final long POLL_NANOS = 10 * MILLI;

  /** Longer than reading everything takes. */
  private static final long STUCK_NANOS = 300 * SECOND;

  private final EtcdOptions options;
  private final Loop loop;
  private final Log log;
  private final EtcdClient.Factory factory;
  private final Random random;
  private final long reconcileNanos;
  private final KeySpace keys;
  private final boolean follow;
  private final BoundedAnswers answers;
  private final WatchProbe pulse;
  private final LoginRetry aside;
  private final EtcdCalls calls;
  private final OwnWatches own;

  /** The truth as told to the listener. */
  private final FollowedKeys view;

  private @Nullable EtcdClient wire;

  /** The newest there was, closed or not, for who leaves. */
  private volatile @Nullable EtcdClient newest;

  private long wireSince;

  /** From {@link #start} on, which comes before everything that needs it. */
  @SuppressWarnings("NullAway.Init")
  private Listener listener;

  private boolean closed;

  private int generation;
  private EtcdClient.@Nullable Watch watch;
  private boolean created;

  private Loop.@Nullable Timer createdTimer;
  private final Loop.Chain next;
  private final Loop.Chain reconciles;

  /** Until when the next step waits for a connection; null: it need not. */
  private @Nullable Long readyBy;

  private final ClientFiles files;

  private Loop.@Nullable Timer partTimer;

  /** Whether that is because one of the others has gone. */
  private boolean partSoon;

  /** Readings in a row that had to leave registrations out. */
  private int parts;

  /** Times in a row that there was too much to be taken, or at once. */
  private int excess;

  private long createdAt;

  private boolean connected;
  private @Nullable String lastReason;
  private int attempts;

  /** Whether the last failure was silence. */
  private boolean mute;

  /** Clients given up during this outage. */
  private int replaced;

  private long awaySince;
  private boolean away;
  private long resyncs;
  private long repairs;

  public EtcdStore(EtcdOptions options, Loop loop, Log log) {
    this(options, loop, log, StubEtcdClient::connect, new Random(), 60 * SECOND);
  }

  /**
   * A store that also follows {@code /weir/...}: what instances say of themselves, and the history.
   * For an operator's tool, never for an agent: each would hear of every other.
   *
   * @param follow false: everything is read once, and nothing is watched
   */
  public static EtcdStore overseer(EtcdOptions options, Loop loop, Log log, boolean follow) {
    KeySpace keys = KeySpace.overseer(options.namespace);
    return new EtcdStore(
        options, loop, log, StubEtcdClient::connect, new Random(), 60 * SECOND, keys, follow);
  }

  EtcdStore(
      EtcdOptions options,
      Loop loop,
      Log log,
      EtcdClient.Factory factory,
      Random random,
      long reconcileNanos) {
    this(options, loop, log, factory, random, reconcileNanos, ReadLimits.instance());
  }

  EtcdStore(
      EtcdOptions options,
      Loop loop,
      Log log,
      EtcdClient.Factory factory,
      Random random,
      long reconcileNanos,
      ReadLimits bounds) {
    this(
        options,
        loop,
        log,
        factory,
        random,
        reconcileNanos,
        KeySpace.instance(options.namespace, bounds),
        true);
  }

  private EtcdStore(
      EtcdOptions options,
      Loop loop,
      Log log,
      EtcdClient.Factory factory,
      Random random,
      long reconcileNanos,
      KeySpace keys,
      boolean follow) {
    this.options = options;
    this.loop = loop;
    this.log = log;
    this.factory = factory;
    this.random = random;
    this.reconcileNanos = reconcileNanos;
    this.keys = keys;
    this.follow = follow;
    view = new FollowedKeys(keys.bounds());
    answers = new BoundedAnswers(loop);
    next = loop.chain("etcd", STUCK_NANOS, this::step);
    reconciles = loop.chain("reconcile", reconcileNanos, this::reconcile);
    files = new ClientFiles(options, factory, loop, log, this::filesChanged);
    pulse =
        new WatchProbe(
            loop,
            () ->
                again(new EtcdCallException(EtcdCallException.Kind.DEADLINE, "the watch is mute")));
    aside = new LoginRetry(loop, answers, this::reconnect, files::look);
    calls =
        new EtcdCalls(
            loop,
            log,
            keys,
            answers,
            new EtcdCalls.Way() {
              @Override
              public @Nullable EtcdClient wire() {
                return wire;
              }

              @Override
              public boolean connected() {
                return connected;
              }

              @Override
              public void holds(String key) {
                own.open(key);
              }
            });
    own = new OwnWatches(loop, keys, calls);
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
    EtcdClient w = newest;
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
    next.cancel();
    cancel(createdTimer);
    reconciles.cancel();
    cancel(partTimer);
    closeWatch();
    aside.close();
    calls.end();
    EtcdClient last = wire;
    wire = null;
    if (last != null) {
      last.close();
    }
  }

  // ---- the round: range, difference, watch

  private void resync() {
    if (closed) {
      return;
    }
    generation++;
    resyncs++;
    closeWatch();
    readyBy = null;
    next.in(SECOND); // should the following throw
    final BooleanSupplier still = thisRound();
    if (wire != null) {
      read(view, this::adopt);
    } else {
      files.connect(still, made -> connected(made, still), this::again);
    }
    if (still.getAsBoolean()) {
      next.in(STUCK_NANOS); // should an answer get lost
    }
  }

  /** A client was made; on the loop. */
  private void connected(EtcdClient made, BooleanSupplier still) {
    if (!still.getAsBoolean() || wire != null) {
      made.close();
      return;
    }
    wire = made;
    newest = made;
    wireSince = loop.now();
    read(view, this::adopt);
  }

  /** While a round is under way there is one. */
  private EtcdClient wire() {
    return Objects.requireNonNull(wire);
  }

  /**
   * @param known to spare what is known; null: keys only
   */
  private void read(@Nullable FollowedKeys known, Consumer<RangeReader.Result> whole) {
    new RangeReader(
            keys,
            wire(),
            answers,
            thisRound(),
            known,
            new EtcdClient.Answer<RangeReader.Result>() {
              @Override
              public void ok(RangeReader.Result read) {
                try {
                  whole.accept(read);
                } catch (Throwable t) {
                  broken(t);
                  throw t;
                }
              }

              @Override
              public void failed(EtcdCallException e) {
                again(e);
              }
            })
        .begin();
  }

  /** Whether the round that is under way now still is. */
  private BooleanSupplier thisRound() {
    final int g = generation;
    return () -> g == generation && !closed;
  }

  private void adopt(RangeReader.Result read) {
    EtcdClient.Page range = read.page;
    if (view.isNewHistory(range)) {
      log.warn(
          "weir: etcd has another history (cluster "
              + Long.toHexString(range.clusterId)
              + " at revision "
              + range.revision
              + ", was "
              + view
              + "): taken over as it is");
    }
    Batch batch = view.adopt(range, read.cut);
    pulse.readAgain(batch != null && !batch.changes.isEmpty());
    if (batch != null) {
      listener.onBatch(batch);
    }
    calls.read(view);
    boolean all = parts > 0 && !view.partial();
    if (all) {
      parts = 0;
      cancel(partTimer);
      partTimer = null;
      log.info("weir: all registrations in etcd are followed again");
    }
    readLeftOut();
    if (follow) {
      follow();
    }
  }

  /** Registrations that were left out are looked for again, ever more slowly. */
  private void readLeftOut() {
    if (!view.partial() || closed) {
      return;
    }
    boolean soon = view.mayFit();
    if (partTimer != null && (partSoon || !soon)) {
      return;
    }
    if (parts == 0) {
      log.warn(
          "weir: more instances are registered in etcd than this JVM may keep in memory ("
              + (keys.bounds().most() >> 20)
              + " MB, an eighth of the heap): those known stay followed, others are left out;"
              + " rules are not affected. Delete what does not belong under /services/, or raise"
              + " -Xmx");
    }
    cancel(partTimer);
    long seconds = Math.min(60, (soon ? 1L : 5L) << Math.min(6, parts / (soon ? 2 : 1)));
    parts++;
    partSoon = soon;
    partTimer =
        loop.schedule(
            () -> {
              partTimer = null;
              if (!closed && created && view.partial()) {
                resync();
              } else {
                readLeftOut();
              }
            },
            jitter(seconds * SECOND));
  }

  private void follow() {
    final int g = generation;
    created = false;
    createdTimer =
        loop.schedule(
            () -> {
              if (g == generation && !created) {
                again(
                    new EtcdCallException(
                        EtcdCallException.Kind.DEADLINE, "the watch was not created in time"));
              }
            },
            CREATED_NANOS);
    try {
      watch =
          wire()
              .watch(
                  keys.first(),
                  keys.end(),
                  view.revision() + 1,
                  new EtcdClient.Watching() {
                    @Override
                    public void events(EtcdClient.Events e) {
                      loop.execute(() -> onEvents(g, e));
                    }

                    @Override
                    public void broken(EtcdCallException e) {
                      loop.execute(() -> onBroken(g, e));
                    }
                  });
    } catch (RuntimeException e) {
      again(new EtcdCallException(EtcdCallException.Kind.OTHER, String.valueOf(e)));
    }
  }

  /** What was told may have been told in part: all of it is read and told again. */
  private void broken(Throwable t) {
    view.doubt();
    again(new EtcdCallException(EtcdCallException.Kind.OTHER, String.valueOf(t)));
  }

  private void onBroken(int g, EtcdCallException e) {
    if (g == generation) {
      again(e);
    }
  }

  private void onEvents(int g, EtcdClient.Events e) {
    EtcdClient.Watch from = watch;
    if (g != generation || closed || from == null) {
      return;
    }
    try {
      heard(e, from);
    } catch (Throwable t) {
      broken(t);
      throw t;
    }
  }

  private void heard(EtcdClient.Events e, EtcdClient.Watch from) {
    pulse.heard(!e.created && e.events.isEmpty());
    if (e.created) {
      if (created || !view.isLater(e.clusterId, e.revision)) {
        // re-created behind our back, or another store: what lies between may be lost
        again(
            new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "the watch was re-created"));
        return;
      }
      created = true;
      createdAt = loop.now();
      cancel(createdTimer);
      next.cancel();
      attempts = 0;
      replaced = 0;
      away = false;
      mute = false;
      aside.accepted();
      pulse.follow(Objects.requireNonNull(watch));
      connected(true, "");
      calls.connected();
      own.follow(wire());
    }
    Batch batch;
    try {
      batch = view.apply(e.events, keys);
    } catch (EtcdCallException tooMuch) {
      again(tooMuch);
      return;
    }
    if (batch != null) {
      listener.onBatch(batch);
    }
    calls.seen(e.events);
    readLeftOut();
    from.next();
  }

  // ---- doubt

  private void again(EtcdCallException e) {
    if (closed) {
      return;
    }
    generation++;
    closeWatch();
    cancel(createdTimer);
    readyBy = null;
    if (!away) {
      away = true;
      awaySince = loop.now();
    }
    boolean dear = e.kind == EtcdCallException.Kind.AUTH;
    boolean told =
        dear || e.kind == EtcdCallException.Kind.TLS || e.kind == EtcdCallException.Kind.PERMISSION;
    told |= e.kind == EtcdCallException.Kind.TOO_MUCH;
    boolean doubtOnly = e.kind == EtcdCallException.Kind.COMPACTED;
    if (!doubtOnly && (attempts > 0 || told)) {
      // the first break is often over before anyone could read about it
      connected(false, e.text());
    }
    mute = e.kind == EtcdCallException.Kind.DEADLINE;
    long awayFor = loop.now() - awaySince;
    long patience = Math.min(600 * SECOND, 30 * SECOND << Math.min(5, replaced));
    long excess = excess(e);
    boolean old = excess == 0 && awayFor > patience && loop.now() - wireSince > patience;
    if (dear && wire != null) {
      EtcdClient refused = wire;
      wire = null;
      replaced++;
      long delay = jitter(Math.min(60 * SECOND, SECOND << Math.min(6, attempts++)));
      next.in(delay + STUCK_NANOS);
      aside.refused(refused, delay);
      return;
    }
    files.look();
    if (wire != null && old) {
      EtcdClient last = wire;
      wire = null;
      replaced++;
      last.close();
    }
    long delay = Math.max(backOff(), excess);
    created = false;
    attempts++;
    next.in(delay);
  }

  /**
   * Certificates or the password were replaced: a client that cannot connect with the old ones is
   * given up.
   */
  private void filesChanged() {
    if (!closed) {
      aside.fileChanged();
    }
    if (!closed && away && wire != null) {
      EtcdClient last = wire;
      wire = null;
      replaced++;
      generation++;
      closeWatch();
      cancel(createdTimer);
      readyBy = null;
      next.in(backOff());
      last.close();
    }
  }

  private void step() {
    if (closed) {
      next.cancel();
    } else if (readyBy != null) {
      awaitReady(readyBy);
    } else {
      reconnect();
    }
  }

  /** What is too much is tried ever more slowly: each try costs etcd a reading, for each JVM. */
  private long excess(EtcdCallException e) {
    if (e.kind != EtcdCallException.Kind.TOO_LARGE && e.kind != EtcdCallException.Kind.TOO_MUCH) {
      return 0;
    }
    if (created && loop.now() - createdAt > CALM_NANOS) {
      excess = 0;
    }
    if (excess == 0 && e.kind == EtcdCallException.Kind.TOO_LARGE) {
      log.warn(
          "weir: etcd sent more at once than is taken ("
              + e.text()
              + "): everything is read again in small parts, and ever more slowly while this goes"
              + " on; the last good rules stay");
    }
    return jitter(Math.min(30 * SECOND, SECOND / 4 << Math.min(7, excess++)));
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
      again(new EtcdCallException(EtcdCallException.Kind.DEADLINE, "no connection in time"));
    } else {
      readyBy = deadline;
      next.in(POLL_NANOS);
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
    pulse.stop();
    own.stop();
    EtcdClient.Watch w = watch;
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
    reconciles.in(delay);
  }

  private void reconcile() {
    reconcileLater();
    if (closed || wire == null || !created) {
      return;
    }
    calls.check();
    final long asked = view.revision();
    read(null, keysOnly -> compare(asked, keysOnly.page));
  }

  private void compare(long asked, EtcdClient.Page range) {
    FollowedKeys.Compared compared = view.compare(asked, range);
    if (compared == FollowedKeys.Compared.LOST) {
      repair();
    } else if (compared == FollowedKeys.Compared.AHEAD) {
      // events of those revisions are on their way; look again when they should be here
      final long then = view.revision();
      final BooleanSupplier still = thisRound();
      loop.schedule(
          () -> {
            if (still.getAsBoolean() && view.revision() == then) {
              repair();
            }
          },
          2 * SECOND);
    }
  }

  private void repair() {
    repairs++;
    log.warn(
        "weir: the watch had lost something before revision " + view.revision() + "; reading all");
    resync();
  }

  // ---- transactions and leases

  @Override
  public void txn(Txn txn, Txn.Done done) {
    loop.execute(() -> calls.txn(txn, done));
  }

  @Override
  public LeaseSession lease(int ttlSeconds, LeaseSession.Listener l) {
    return calls.lease(ttlSeconds, l);
  }

  @Override
  public void grant(int ttlSeconds, Granted done) {
    loop.execute(
        () ->
            calls.grant(
                ttlSeconds,
                new EtcdClient.Answer<Long>() {
                  @Override
                  public void ok(Long id) {
                    done.granted(id);
                  }

                  @Override
                  public void failed(EtcdCallException e) {
                    done.granted(0);
                  }
                }));
  }

  private static void cancel(Loop.@Nullable Timer timer) {
    if (timer != null) {
      timer.cancel();
    }
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
