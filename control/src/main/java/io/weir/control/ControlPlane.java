package io.weir.control;

import io.weir.control.etcd.EtcdStore;
import io.weir.control.feed.InstanceReport;
import io.weir.control.feed.RuleFeed;
import io.weir.control.files.FileStore;
import io.weir.control.fleet.ServedReport;
import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.loop.LoopThread;
import io.weir.control.parse.RuleKey;
import io.weir.control.snapshot.DiskSnapshot;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Store;
import io.weir.control.tune.RateTuning;
import io.weir.engine.gate.Engine;
import io.weir.engine.rules.RuleBook;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Brings the rules from their store to the engine: store -> feed -> rule book -> sink. {@link
 * #start} returns at once; slow work (the etcd client's classes, the disk) runs on daemon threads.
 * No failure in here reaches the application: the last good rules stay until the store is back.
 *
 * <p>Threads: {@code weir-control} owns all state. The store's thread feeds it, {@code weir-files}
 * or the etcd client's {@code weir-etcd-io}. {@code weir-disk} reads and writes snapshots.
 */
public final class ControlPlane implements AutoCloseable {
  /**
   * The prefix of keys that {@code weir top} keeps under a lease while it is open. The value is the
   * service that it shows, or empty for all. While there is one for this service, the status
   * contains latencies and is updated every two seconds.
   */
  public static final String LOOK = "/weir/look/";

  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final int STATUS_TTL_SECONDS = 30;

  /** How long the start waits for the disk snapshot before it starts the store. */
  private static final long DISK_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final long SNAPSHOT_QUIET_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final ControlOptions options;
  private final Log log;
  private final LoopThread loop;
  private final @Nullable LoopThread disk;
  private final StoreFanout fanout;
  private final RuleFeed feed;
  private final Store store;
  private final @Nullable SharedStore shared;
  private final @Nullable DiskSnapshot snapshot;
  private volatile Health health = new Health(false, "not connected yet", 0, false, 0);

  // loop only
  /** Keys from the disk snapshot that the store has not confirmed yet. */
  private Set<String> restored = new HashSet<String>();

  private @Nullable LeaseSession statusLease;
  private String status = "";
  private final Set<String> addresses = new TreeSet<String>();

  /** The keys under {@link #LOOK} that concern this service. */
  private final Set<String> viewers = new HashSet<String>();

  private final Loop.Chain statusUpdates;
  private Supplier<String> latencies = () -> "[]";
  private String coverage = "";
  private final Loop.Chain saves;
  private final AtomicReference<Saved> unsaved = new AtomicReference<Saved>();
  private boolean saveScheduled;
  private boolean storeAnswered;
  private Loop.@Nullable Timer startTimer;
  private boolean rulesRead;
  private final List<Runnable> onRulesRead = new ArrayList<Runnable>();

  private volatile @Nullable RateTuning tuning;

  /** Loop only. */
  private @Nullable ServedReport served;

  private ControlPlane(ControlOptions options, Consumer<RuleBook> sink, Log log) {
    this.options = options;
    this.log = log;
    loop = new LoopThread("weir-control", log);
    fanout = new StoreFanout(loop, log);
    statusUpdates = loop.chain("status", LOOK_NANOS, this::publishStatus);
    saves = loop.chain("snapshot", SNAPSHOT_QUIET_NANOS, this::save);
    feed = new RuleFeed(sink, log, options.service, loop);
    if (options.etcd != null) {
      shared = new EtcdStore(options.etcd, loop, log);
      store = shared;
    } else {
      shared = null;
      store =
          options.directory == null
              ? new EmptyStore(loop)
              : new FileStore(options.directory, loop, log);
    }
    if (store instanceof EmptyStore) {
      health = new Health(false, "no rules are configured", 0, false, 0);
    }
    Path keep = options.etcd != null ? options.snapshotDirectory : null;
    snapshot = keep != null ? new DiskSnapshot(keep, options.service, namespace(options)) : null;
    disk = keep != null ? new LoopThread("weir-disk", log) : null;
  }

  /**
   * Starts a control plane.
   *
   * @param sink is called with each new rule book on the control thread; must not block
   */
  public static ControlPlane start(ControlOptions options, Consumer<RuleBook> sink, Log log) {
    final ControlPlane plane = new ControlPlane(options, sink, log);
    plane.loop.execute(plane::prepare);
    return plane;
  }

  /** The control loop, which owns all control state. */
  public Loop loop() {
    return loop;
  }

  /** The store for transactions and leases; null when the rules do not come from etcd. */
  public @Nullable SharedStore shared() {
    return shared;
  }

  /** Adds a listener of the store, which first gets the whole content. Any thread. */
  public void listen(final Store.Listener listener) {
    loop.execute(() -> fanout.add(listener));
  }

  /**
   * Reports in the status an address that this instance registers. Any thread.
   *
   * @param registered false: it no longer registers this address
   */
  public void reportAddress(final String address, final boolean registered) {
    loop.execute(
        () -> {
          if (registered ? addresses.add(address) : addresses.remove(address)) {
            publishStatus();
          }
        });
  }

  /**
   * Runs a task on the loop when the rules have been read, from the store or the disk snapshot; at
   * once when they have. For the registration: an instance without its rules must not get calls.
   * Any thread.
   */
  public void whenRulesRead(final Runnable then) {
    loop.execute(
        () -> {
          if (rulesRead) {
            then.run();
          } else {
            onRulesRead.add(then);
          }
        });
  }

  private void rulesWereRead() {
    rulesRead = true;
    for (Runnable then : onRulesRead) {
      then.run();
    }
    onRulesRead.clear();
  }

  /** Starts the tuning of {@code auto} rules and reports it in the status. Any thread, once. */
  public void startTuning(RateTuning tuning) {
    this.tuning = tuning;
    tuning.start(loop, this::publishStatus);
  }

  /** The tuned rules, a JSON array; empty when there are none. Any thread. */
  public String tuningJson() {
    RateTuning t = tuning;
    return t == null ? "" : t.toJson();
  }

  /**
   * Reports in the status how the calls end that this instance serves, while callers vote to open
   * its breaker or it is open. Any thread, once.
   */
  public void reportServedCalls(final Engine engine) {
    loop.execute(
        () -> {
          ServedReport report = new ServedReport(engine, loop, this::publishStatus);
          served = report;
          fanout.add(report);
        });
  }

  /**
   * Reports latencies in the status while {@code weir top} shows this service. Any thread.
   *
   * @param json gives an array; called on the loop
   */
  public void reportLatencies(final Supplier<String> json) {
    loop.execute(() -> latencies = json);
  }

  /**
   * Reports in the status which libraries this JVM has loaded. Any thread.
   *
   * @param json an array
   */
  public void reportCoverage(final String json) {
    loop.execute(
        () -> {
          coverage = json;
          publishStatus();
        });
  }

  /** The connection to the store. Any thread. */
  public Health health() {
    return health;
  }

  /** Which rules are in force and which were refused. Any thread. */
  public InstanceReport report() {
    return feed.report();
  }

  /** How many control tasks threw. Any thread. */
  public long failures() {
    return loop.failures();
  }

  /** Revokes the leases and ends connection and threads; waits for four seconds at most. */
  @Override
  public void close() {
    store.close();
    loop.close(TimeUnit.SECONDS.toNanos(3));
    if (disk != null) {
      disk.close(TimeUnit.SECONDS.toNanos(1));
    }
  }

  private void prepare() {
    fanout.add(new Intake());
    if (shared != null && !options.instance.isEmpty()) {
      statusLease = shared.lease(STATUS_TTL_SECONDS, new StatusLease());
    }
    final DiskSnapshot file = snapshot;
    if (disk == null || file == null) {
      store.start(fanout);
      return;
    }
    // the store is started then even if the disk hangs
    startTimer = loop.schedule(this::startStore, DISK_NANOS);
    disk.execute(
        () -> {
          final DiskSnapshot.Content content = read(file);
          loop.execute(
              () -> {
                if (content != null && !storeAnswered) {
                  restore(file, content);
                }
                startStore();
              });
        });
  }

  private void startStore() {
    if (startTimer != null) {
      startTimer.cancel();
      startTimer = null;
      store.start(fanout);
    }
  }

  private static String namespace(ControlOptions options) {
    return options.etcd == null ? "" : options.etcd.namespace;
  }

  private DiskSnapshot.@Nullable Content read(DiskSnapshot file) {
    try {
      if (file.isInAnyonesReach()) {
        log.warn(
            "weir: weir.snapshot.dir: everybody may write to "
                + file.file().getParent()
                + ", and so could leave other rules there; use a folder that is this user's alone");
      }
      return file.read();
    } catch (IOException | RuntimeException e) {
      log.warn("weir: the rules on disk are not used: " + e.getMessage());
      return null;
    }
  }

  private void restore(DiskSnapshot file, DiskSnapshot.Content content) {
    try {
      List<Change> changes = new ArrayList<Change>();
      for (Entry e : content.entries) {
        changes.add(new Change(e.key, e));
        restored.add(e.key);
      }
      feed.onBatch(new Batch(content.revision, changes, false));
      health = new Health(false, "not connected yet", content.revision, true, 0);
      rulesWereRead();
      log.info(
          "weir: restored "
              + changes.size()
              + " rule keys of revision "
              + content.revision
              + " from "
              + file.file());
    } catch (RuntimeException e) {
      log.warn("weir: the rules on disk are not used: " + e.getMessage());
    }
  }

  private void publishStatus() {
    if (statusLease == null) {
      return;
    }
    boolean viewed = !viewers.isEmpty();
    String newStatus =
        feed.report()
            .toJson(
                options.service,
                options.agentVersion,
                addresses,
                tuningJson(),
                served == null ? "" : served.json(),
                viewed ? latencies.get() : "",
                coverage,
                options.healthPaths,
                options.infrastructure);
    if (!newStatus.equals(status)) {
      statusLease.hold(statusKey(), newStatus.getBytes(StandardCharsets.UTF_8));
      status = newStatus;
    }
    if (viewed) {
      statusUpdates.in(LOOK_NANOS);
    } else {
      statusUpdates.cancel();
    }
  }

  private String statusKey() {
    return "/weir/status/" + options.service + "/" + options.instance;
  }

  private void saveSoon() {
    if (disk != null && !saveScheduled) {
      saveScheduled = true;
      saves.in(SNAPSHOT_QUIET_NANOS);
    }
  }

  private void save() {
    final LoopThread to = disk;
    final DiskSnapshot file = snapshot;
    if (to != null && file != null) {
      final List<Entry> good = new ArrayList<Entry>();
      for (Entry e : feed.lastGood().values()) {
        if (e.key.startsWith(RuleKey.SERVICE) || e.key.equals(RuleKey.OFF)) {
          good.add(e);
        }
      }
      // while a write hangs, only the newest snapshot waits for the next one
      if (unsaved.getAndSet(new Saved(health.revision, good)) == null) {
        to.execute(() -> write(file));
      }
    }
    saveScheduled = false;
    saves.cancel();
  }

  /** On the disk's thread. */
  private void write(DiskSnapshot file) {
    Saved newest = unsaved.getAndSet(null);
    if (newest == null) {
      return;
    }
    try {
      file.write(newest.revision, newest.good);
    } catch (IOException | RuntimeException e) {
      log.warn("weir: the rules could not be saved to disk: " + e);
    }
  }

  /** The rules to write to disk. */
  private static final class Saved {
    final long revision;
    final List<Entry> good;

    Saved(long revision, List<Entry> good) {
      this.revision = revision;
      this.good = good;
    }
  }

  /** Hands batches to the feed, and keeps health, status and disk snapshot up to date. */
  private final class Intake implements Store.Listener {
    /** Each reason is logged once per outage, at most eight. */
    private final Set<String> loggedSinceConnected = new HashSet<String>();

    @Override
    public void onBatch(Batch batch) {
      Batch whole = batch;
      if (!restored.isEmpty()) {
        // the store's first batch is its whole content: other keys of the snapshot were deleted
        for (Change c : batch.changes) {
          restored.remove(c.key);
        }
        List<Change> changes = new ArrayList<Change>(batch.changes);
        for (String key : restored) {
          changes.add(new Change(key, null));
        }
        restored = new HashSet<String>();
        whole = new Batch(batch.revision, changes, batch.newHistory);
      }
      storeAnswered = true;
      Health h = health;
      health = new Health(h.connected, h.reason, batch.revision, false, h.lastConnectedNanos);
      long before = feed.report().revision;
      feed.onBatch(whole);
      for (Change c : whole.changes) {
        if (!c.key.startsWith(LOOK)) {
          continue;
        }
        String shown = c.now == null ? null : c.now.text();
        if (shown != null && (shown.isEmpty() || shown.equals(options.service))) {
          viewers.add(c.key);
        } else {
          viewers.remove(c.key);
        }
      }
      publishStatus();
      if (!rulesRead) {
        rulesWereRead();
      }
      if (feed.report().revision != before) {
        saveSoon();
      }
    }

    @Override
    public void onConnected(boolean connected, String reason) {
      Health h = health;
      if (connected) {
        loggedSinceConnected.clear();
        log.info("weir: connected to " + source());
      } else if (loggedSinceConnected.size() < 8 && loggedSinceConnected.add(reason)) {
        log.warn("weir: no connection to " + source() + ": " + reason + "; " + consequence());
      }
      long seen = connected || h.connected ? loop.now() : h.lastConnectedNanos;
      health = new Health(connected, reason, h.revision, h.restored, seen);
    }

    private String source() {
      return options.etcd != null ? options.etcd.toString() : String.valueOf(options.directory);
    }

    private String consequence() {
      return storeAnswered
          ? "the last good rules stay"
          : health.restored
              ? "the rules from disk are in force"
              : "no rule is in force yet, and nothing is registered";
    }
  }

  private final class StatusLease implements LeaseSession.Listener {
    @Override
    public void onGranted(long id) {
      // the session writes held keys again itself
    }

    @Override
    public void onLost(long id, String reason) {
      // the session gets a new lease and writes the status again
    }
  }
}
