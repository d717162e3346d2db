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
 * etcd as a {@link SharedStore}: it reads one range of keys and watches it.
 *
 * <p>A watch that breaks must not be resumed where it ended, because events may be lost without a
 * sign. (jetcd's client does so in every version. Weir has jetcd's generated stubs only, and no
 * part of it resumes a watch.) So this class works in rounds. A round reads the whole range at one
 * revision R, delivers the differences, and watches from R + 1. After any sign that events may be
 * missing - an error, an end, a second "created", a compaction, a lower revision, another cluster
 * id - a new round begins after a short back-off ({@link #retry}). Each round has a generation
 * number, and answers to an older round are dropped. Within a round a change is applied only when
 * its mod revision is higher than the known revision, so duplicates and events out of order do no
 * harm. Because etcd 3.4 itself has lost events, a slow reconcile compares keys and mod revisions,
 * and starts a new round when they differ.
 *
 * <p>All state belongs to the control loop; there is no lock. The client's answers come to the
 * loop, and each wait for an answer is bounded.
 *
 * <p>What the parts do:
 *
 * <ul>
 *   <li>{@link KeySpace} defines the keys, {@link RangeReader} reads them, {@link ReadLimits}
 *       bounds their size, {@link FollowedKeys} keeps them.
 *   <li>{@link ClientFiles} makes clients, and notices when their certificate or password files
 *       have changed. {@link LoginRetry} repeats a refused log-in.
 *   <li>{@link EtcdCalls} sends transactions and keeps leases. {@link BoundedAnswers} brings
 *       answers to the loop.
 *   <li>{@link WatchProbe} finds watches that are silent because their connection is dead.
 *   <li>{@link OwnWatches} watches keys that this instance writes outside of the range, such as its
 *       status. If somebody deletes one, its lease writes it again.
 * </ul>
 *
 * <p>Times: the back-off is 20-100 ms, then 0.1 s doubling to 1 s, however long etcd is away, so
 * that rules are in force within two seconds of its return. gRPC's own back-off is ended before
 * each attempt. A connection is "mute" when an answer did not come in time. It may never give one,
 * so the next attempts make new connections and wait a second for each. During an outage a client
 * older than 30 s is replaced, because etcd's addresses may have changed; the next ones after twice
 * as long each time, up to ten minutes. It is replaced at once when the certificate or password
 * files have changed. If there is more than {@link ReadLimits} allow, the back-off is 0.25 s
 * doubling to 30 s.
 */
public final class EtcdStore implements SharedStore {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);

  /** How long etcd may take to confirm a watch. */
  private static final long CREATED_NANOS = 3 * SECOND;

  /**
   * When a watch has lasted so long, the back-off of {@link #excess(EtcdCallException)} restarts.
   */
  private static final long CALM_NANOS = 60 * SECOND;

  /** How long an attempt waits for its connection, unless the last one was mute. */
  private static final long CONNECT_NANOS = 150 * MILLI;

  /** How often the connection is checked in that time. */
  private static final long POLL_NANOS = 10 * MILLI;

  /** Longer than reading everything takes: a round that takes longer is started again. */
  private static final long STUCK_NANOS = 300 * SECOND;

  private final EtcdOptions options;
  private final Loop loop;
  private final Log log;
  private final EtcdClient.Factory factory;
  private final Random random;
  private final long reconcileNanos;
  private final KeySpace keys;

  /** Whether the range is watched after it was read. */
  private final boolean follow;

  private final BoundedAnswers answers;
  private final WatchProbe watchProbe;
  private final LoginRetry loginRetry;
  private final EtcdCalls calls;
  private final OwnWatches heldKeyWatches;

  /** The content as delivered to the listener. */
  private final FollowedKeys view;

  /** Null: there is none; the next round makes one. */
  private @Nullable EtcdClient client;

  /** The client made last, closed or not; for {@link #closeAtExit}, which any thread may call. */
  private volatile @Nullable EtcdClient newest;

  /** When {@link #client} was made. */
  private long clientSince;

  /** Set by {@link #start}, before anything that uses it. */
  @SuppressWarnings("NullAway.Init")
  private Listener listener;

  private boolean closed;

  /** The number of the current round. */
  private int generation;

  private EtcdClient.@Nullable Watch watch;

  /** Whether etcd has confirmed the watch. */
  private boolean created;

  private Loop.@Nullable Timer createdTimer;

  /**
   * Runs {@link #step} when it is set. Every path sets it again or cancels it. If one fails to, the
   * step runs after {@link #STUCK_NANOS} all the same, so that this class never stops.
   */
  private final Loop.Chain steps;

  /** Runs {@link #reconcile}, which first sets its next run. */
  private final Loop.Chain reconciles;

  /** Until when {@link #step} waits for a connection; null: the next step starts an attempt. */
  private @Nullable Long readyBy;

  private final ClientFiles files;

  /** Reads everything again, because registrations were left out; null: it is not scheduled. */
  private Loop.@Nullable Timer partTimer;

  /** Whether {@link #partTimer} has the short delay, because a registration was deleted. */
  private boolean partSoon;

  /** How often in a row a reading had to leave registrations out. */
  private int parts;

  /** How often in a row there was too much, in one answer or altogether. */
  private int excess;

  /** When etcd confirmed the last watch. */
  private long createdAt;

  /** What the listener was told last: whether etcd is in reach. The first failure is not told. */
  private boolean reportedConnected;

  /** Why not, as the listener was told; null: it was told nothing yet. */
  private @Nullable String reportedReason;

  /** How many rounds in a row have failed. */
  private int attempts;

  /** Whether the last failure was an answer that did not come in time. */
  private boolean mute;

  /** How many clients were replaced during this outage. */
  private int replaced;

  /** When the outage began, if there is one. */
  private long awaySince;

  /** Whether there is an outage: from the first failure until etcd has confirmed a watch. */
  private boolean away;

  private long resyncs;
  private long repairs;

  public EtcdStore(EtcdOptions options, Loop loop, Log log) {
    this(options, loop, log, StubEtcdClient::connect, new Random(), 60 * SECOND);
  }

  /**
   * A store for an operator's tool: it also has the keys under {@code /weir/}, the status of
   * instances and the history of rules. Not for agents: each would get every status of the fleet.
   *
   * @param follow false: everything is read and delivered, nothing is watched, and the listener is
   *     never told that etcd is connected. For a command that closes the store after the first
   *     batch
   */
  public static EtcdStore forOperator(EtcdOptions options, Loop loop, Log log, boolean follow) {
    KeySpace keys = KeySpace.forOperator(options.namespace);
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
    steps = loop.chain("etcd", STUCK_NANOS, this::step);
    reconciles = loop.chain("reconcile", reconcileNanos, this::reconcile);
    files = new ClientFiles(options, factory, loop, log, this::filesChanged);
    watchProbe =
        new WatchProbe(
            loop,
            () ->
                retry(new EtcdCallException(EtcdCallException.Kind.DEADLINE, "the watch is mute")));
    loginRetry = new LoginRetry(loop, answers, this::reconnect, files::check);
    calls =
        new EtcdCalls(
            loop,
            log,
            keys,
            answers,
            new EtcdCalls.Connection() {
              @Override
              public @Nullable EtcdClient client() {
                return client;
              }

              @Override
              public boolean connected() {
                return reportedConnected;
              }

              @Override
              public void onHold(String key) {
                heldKeyWatches.open(key);
              }
            });
    heldKeyWatches = new OwnWatches(loop, keys, calls);
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
   * Ends the client's connections, because the process exits now. For a tool's shutdown hook: the
   * store cannot be used afterwards, and leases are not revoked. Any thread.
   */
  public void closeAtExit() {
    EtcdClient w = newest;
    if (w != null) {
      w.closeAtExit();
    }
  }

  private void shutDown() {
    if (closed) {
      return;
    }
    closed = true;
    generation++;
    steps.cancel();
    cancel(createdTimer);
    reconciles.cancel();
    cancel(partTimer);
    closeWatch();
    loginRetry.close();
    calls.end();
    EtcdClient last = client;
    client = null;
    if (last != null) {
      last.close();
    }
  }

  // ---- the round: range, difference, watch

  /** Starts a round. */
  private void resync() {
    if (closed) {
      return;
    }
    generation++;
    resyncs++;
    closeWatch();
    readyBy = null;
    steps.in(SECOND); // in case the following throws
    final BooleanSupplier isCurrent = thisRound();
    if (client != null) {
      read(view, this::adopt);
    } else {
      files.connect(isCurrent, made -> clientMade(made, isCurrent), this::retry);
    }
    if (isCurrent.getAsBoolean()) {
      steps.in(STUCK_NANOS); // in case an answer gets lost
    }
  }

  /** A client was made. It need not have a connection yet. */
  private void clientMade(EtcdClient made, BooleanSupplier isCurrent) {
    if (!isCurrent.getAsBoolean() || client != null) {
      made.close();
      return;
    }
    client = made;
    newest = made;
    clientSince = loop.now();
    read(view, this::adopt);
  }

  /** The client; while a round is under way there is one. */
  private EtcdClient client() {
    return Objects.requireNonNull(client);
  }

  /**
   * Reads the whole range.
   *
   * @param known values that this already has are not read again; null: only keys are read
   * @param whole gets the result; a failure starts a new round
   */
  private void read(@Nullable FollowedKeys known, Consumer<RangeReader.Result> whole) {
    new RangeReader(
            keys,
            client(),
            answers,
            thisRound(),
            known,
            new EtcdClient.Answer<RangeReader.Result>() {
              @Override
              public void ok(RangeReader.Result read) {
                try {
                  whole.accept(read);
                } catch (Throwable t) {
                  deliveryFailed(t);
                  throw t;
                }
              }

              @Override
              public void failed(EtcdCallException e) {
                retry(e);
              }
            })
        .begin();
  }

  /** To be called later: whether the round that is current now is still the current one. */
  private BooleanSupplier thisRound() {
    final int g = generation;
    return () -> g == generation && !closed;
  }

  /** Delivers what a reading changes, and starts the watch. */
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
    // without changes a watch that was called mute had missed nothing: a false alarm
    watchProbe.readAgain(batch != null && !batch.changes.isEmpty());
    if (batch != null) {
      listener.onBatch(batch);
    }
    calls.onRead(view);
    boolean all = parts > 0 && !view.isPartial();
    if (all) {
      parts = 0;
      cancel(partTimer);
      partTimer = null;
      log.info("weir: all registrations in etcd are followed again");
    }
    scheduleLeftOut();
    if (follow) {
      follow();
    }
  }

  /**
   * Schedules another reading when registrations were left out. The delay grows with each: 5, 10,
   * 20, 40, 60 s. When a registration was deleted, so that another one may fit, it is shorter and
   * grows with each second reading: 1, 1, 2, 2, 4 ... 60 s.
   */
  private void scheduleLeftOut() {
    if (!view.isPartial() || closed) {
      return;
    }
    boolean soon = view.takeMayFit();
    if (partTimer != null && (partSoon || !soon)) {
      return;
    }
    if (parts == 0) {
      log.warn(
          "weir: more instances are registered in etcd than this JVM may keep in memory ("
              + (keys.bounds().maxBytes() >> 20)
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
              if (!closed && created && view.isPartial()) {
                resync();
              } else {
                scheduleLeftOut();
              }
            },
            jitter(seconds * SECOND));
  }

  /** Watches the range from the revision after the view's. */
  private void follow() {
    final int g = generation;
    created = false;
    createdTimer =
        loop.schedule(
            () -> {
              if (g == generation && !created) {
                retry(
                    new EtcdCallException(
                        EtcdCallException.Kind.DEADLINE, "the watch was not created in time"));
              }
            },
            CREATED_NANOS);
    try {
      watch =
          client()
              .watch(
                  keys.first(),
                  keys.end(),
                  view.revision() + 1,
                  new EtcdClient.WatchListener() {
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
      retry(new EtcdCallException(EtcdCallException.Kind.OTHER, String.valueOf(e)));
    }
  }

  /** The listener threw, so it may have only a part: everything is read and delivered again. */
  private void deliveryFailed(Throwable t) {
    view.deliverAllNext();
    retry(new EtcdCallException(EtcdCallException.Kind.OTHER, String.valueOf(t)));
  }

  private void onBroken(int g, EtcdCallException e) {
    if (g == generation) {
      retry(e);
    }
  }

  private void onEvents(int g, EtcdClient.Events e) {
    EtcdClient.Watch from = watch;
    if (g != generation || closed || from == null) {
      return;
    }
    try {
      onMessage(e, from);
    } catch (Throwable t) {
      deliveryFailed(t);
      throw t;
    }
  }

  private void onMessage(EtcdClient.Events e, EtcdClient.Watch from) {
    watchProbe.onMessage(!e.created && e.events.isEmpty());
    if (e.created) {
      if (created || !view.isLater(e.clusterId, e.revision)) {
        // the client re-created the watch, or this is another store: events may be lost
        retry(
            new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "the watch was re-created"));
        return;
      }
      created = true;
      createdAt = loop.now();
      cancel(createdTimer);
      steps.cancel();
      attempts = 0;
      replaced = 0;
      away = false;
      mute = false;
      loginRetry.accepted();
      watchProbe.follow(Objects.requireNonNull(watch));
      report(true, "");
      calls.connected();
      heldKeyWatches.follow(client());
    }
    Batch batch;
    try {
      batch = view.apply(e.events, keys);
    } catch (EtcdCallException tooMuch) {
      retry(tooMuch);
      return;
    }
    if (batch != null) {
      listener.onBatch(batch);
    }
    calls.onEvents(e.events);
    scheduleLeftOut();
    from.next();
  }

  // ---- failures

  /** Ends the current round and schedules the next one. */
  private void retry(EtcdCallException e) {
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
    boolean loginRefused = e.kind == EtcdCallException.Kind.AUTH;
    boolean reportNow =
        loginRefused
            || e.kind == EtcdCallException.Kind.TLS
            || e.kind == EtcdCallException.Kind.PERMISSION;
    reportNow |= e.kind == EtcdCallException.Kind.TOO_MUCH;
    boolean onlyCompacted = e.kind == EtcdCallException.Kind.COMPACTED;
    if (!onlyCompacted && (attempts > 0 || reportNow)) {
      // the first failure is not reported: it is often over before anybody could read about it
      report(false, e.text());
    }
    mute = e.kind == EtcdCallException.Kind.DEADLINE;
    long awayFor = loop.now() - awaySince;
    long patience = Math.min(600 * SECOND, 30 * SECOND << Math.min(5, replaced));
    long excess = excess(e);
    boolean old = excess == 0 && awayFor > patience && loop.now() - clientSince > patience;
    if (loginRefused && client != null) {
      EtcdClient refused = client;
      client = null;
      replaced++;
      long delay = jitter(Math.min(60 * SECOND, SECOND << Math.min(6, attempts++)));
      steps.in(delay + STUCK_NANOS);
      loginRetry.refused(refused, delay);
      return;
    }
    files.check();
    if (client != null && old) {
      EtcdClient last = client;
      client = null;
      replaced++;
      last.close();
    }
    long delay = Math.max(backOff(), excess);
    created = false;
    attempts++;
    steps.in(delay);
  }

  /**
   * The certificate or password files have changed. During an outage the client, which was made
   * with the old ones, is replaced.
   */
  private void filesChanged() {
    if (!closed) {
      loginRetry.fileChanged();
    }
    if (!closed && away && client != null) {
      EtcdClient last = client;
      client = null;
      replaced++;
      generation++;
      closeWatch();
      cancel(createdTimer);
      readyBy = null;
      steps.in(backOff());
      last.close();
    }
  }

  private void step() {
    if (closed) {
      steps.cancel();
    } else if (readyBy != null) {
      awaitReady(readyBy);
    } else {
      reconnect();
    }
  }

  /**
   * The least back-off after a failure of this kind. 0, unless etcd's content or one answer was too
   * large. Then it grows, because each attempt of each JVM costs etcd a whole reading: 0.25, 0.5, 1
   * ... 30 s. It begins at 0.25 s again when a watch has lasted for {@link #CALM_NANOS}.
   */
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
    // after a mute connection it is shorter: the next attempt waits a second for its connection
    long cap = mute ? 250 * MILLI : SECOND;
    return jitter(Math.min(cap, 100 * MILLI << Math.min(10, attempts - 1)));
  }

  private long jitter(long nanos) {
    return (long) (nanos * (0.9 + 0.1 * random.nextDouble()));
  }

  /**
   * Starts a round. From the second failure on, or after a mute connection, it first waits for a
   * connection.
   */
  private void reconnect() {
    if (client == null || attempts <= 1 && !mute) {
      resync();
    } else if (mute) {
      client.reconnectAfresh();
      // each fifth attempt waits as long as a slow network may need
      long patience = attempts % 5 == 0 ? options.connectTimeoutMillis * MILLI : SECOND;
      awaitReady(loop.now() + patience);
    } else {
      client.reconnect();
      awaitReady(loop.now() + CONNECT_NANOS);
    }
  }

  /**
   * Starts a round once there is a connection. At the deadline it starts the round all the same;
   * after a mute connection the attempt has failed instead.
   */
  private void awaitReady(long deadline) {
    if (closed || client == null) {
      return;
    }
    if (client.ready() || !mute && loop.now() - deadline > 0) {
      resync();
    } else if (loop.now() - deadline > 0) {
      retry(new EtcdCallException(EtcdCallException.Kind.DEADLINE, "no connection in time"));
    } else {
      readyBy = deadline;
      steps.in(POLL_NANOS);
    }
  }

  /** Tells the listener whether etcd is in reach, if that or the reason is new. */
  private void report(boolean connected, String reason) {
    if (connected != reportedConnected
        || reportedReason == null
        || !connected && !reportedReason.equals(reason)) {
      reportedConnected = connected;
      reportedReason = reason;
      listener.onConnected(connected, reason);
    }
  }

  private void closeWatch() {
    watchProbe.stop();
    heldKeyWatches.stop();
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
    if (closed || client == null || !created) {
      return;
    }
    calls.check(); // whether the keys of leases still are as this instance wrote them
    final long asked = view.revision();
    read(null, keysOnly -> compare(asked, keysOnly.page));
  }

  private void compare(long asked, EtcdClient.Page range) {
    FollowedKeys.Compared compared = view.compare(asked, range);
    if (compared == FollowedKeys.Compared.LOST) {
      repair();
    } else if (compared == FollowedKeys.Compared.AHEAD) {
      final long then = view.revision();
      repairIfStill(() -> view.revision() == then);
    } else if (compared == FollowedKeys.Compared.DELETED) {
      repairIfStill(() -> view.hasDeleted(range));
    }
  }

  /**
   * Repairs the view unless events that may be on their way arrive in time.
   *
   * @param lost asked when they should have come: whether they have not
   */
  private void repairIfStill(BooleanSupplier lost) {
    final BooleanSupplier isCurrent = thisRound();
    loop.schedule(
        () -> {
          if (isCurrent.getAsBoolean() && lost.getAsBoolean()) {
            repair();
          }
        },
        2 * SECOND);
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

  /** How many rounds were started. Loop only. */
  long resyncs() {
    return resyncs;
  }

  /** How often the reconcile found lost changes. Loop only. */
  long repairs() {
    return repairs;
  }
}
