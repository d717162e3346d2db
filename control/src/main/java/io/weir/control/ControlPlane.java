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
 * Everything off the request thread that brings rules: store -> feed -> rule book -> sink. Nothing
 * runs before {@link #start}; start returns at once, and what is slow (the etcd client's classes,
 * the disk) happens on daemon threads of its own. No failure in here reaches the application: the
 * last good rules stay, for as long as it takes.
 *
 * <p>Threads: {@code weir-control} owns all state; {@code weir-files} or the etcd client's {@code
 * weir-etcd-io} feeds it; {@code weir-disk} writes snapshots.
 */
public final class ControlPlane implements AutoCloseable {
  /**
   * Below it stand, under leases, the keys of those who look at instances just now; the value is
   * the service they look at, or empty for all. Meanwhile the status tells latencies, again every
   * two seconds: nobody pays for that otherwise.
   */
  public static final String LOOK = "/weir/look/";

  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final int STATUS_TTL_SECONDS = 30;

  /** How long a disk is waited for before the store is asked. */
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
  private Set<String> restored = new HashSet<String>();
  private @Nullable LeaseSession statusLease;
  private String status = "";
  private final Set<String> addresses = new TreeSet<String>();
  private final Set<String> looking = new HashSet<String>();
  private final Loop.Chain looks;
  private Supplier<String> latencies = () -> "[]";
  private String coverage = "";
  private final Loop.Chain saves;
  private final AtomicReference<Saved> unsaved = new AtomicReference<Saved>();
  private boolean saving;
  private boolean storeSpoke;
  private Loop.@Nullable Timer begun;
  private boolean ruled;
  private final List<Runnable> whenRuled = new ArrayList<Runnable>();

  private volatile @Nullable RateTuning tuning;

  /** Loop only. */
  private @Nullable ServedReport served;

  private ControlPlane(ControlOptions options, Consumer<RuleBook> sink, Log log) {
    this.options = options;
    this.log = log;
    loop = new LoopThread("weir-control", log);
    fanout = new StoreFanout(loop, log);
    looks = loop.chain("status", LOOK_NANOS, this::publishStatus);
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
   * Starts following the rules.
   *
   * @param sink told each new rule book on the control thread; must not block
   */
  public static ControlPlane start(ControlOptions options, Consumer<RuleBook> sink, Log log) {
    final ControlPlane plane = new ControlPlane(options, sink, log);
    plane.loop.execute(plane::begin);
    return plane;
  }

  /** The one thread that control state lives on. */
  public Loop loop() {
    return loop;
  }

  /** Transactions and leases; null when the rules come from files. */
  public @Nullable SharedStore shared() {
    return shared;
  }

  /** Follows the store as well: first told everything there is, on the loop. */
  public void listen(final Store.Listener listener) {
    loop.execute(() -> fanout.add(listener));
  }

  /**
   * Names an address that this instance registers, or no longer does: its status tells, since that
   * was there before any port was. Any thread.
   */
  public void serves(final String address, final boolean on) {
    loop.execute(
        () -> {
          if (on ? addresses.add(address) : addresses.remove(address)) {
            publishStatus();
          }
        });
  }

  /**
   * Runs something once the rules were read, from the store or from the snapshot on disk; on the
   * loop. An instance without its rules must not be given calls. Any thread.
   */
  public void whenRead(final Runnable then) {
    loop.execute(
        () -> {
          if (ruled) {
            then.run();
          } else {
            whenRuled.add(then);
          }
        });
  }

  private void ruled() {
    ruled = true;
    for (Runnable then : whenRuled) {
      then.run();
    }
    whenRuled.clear();
  }

  /** Has the closed loops run here; the status key tells what they do. Any thread, once. */
  public void tunes(RateTuning tuning) {
    this.tuning = tuning;
    tuning.start(loop, this::publishStatus);
  }

  /** What the closed loops have done, a JSON array; or empty. Any thread. */
  public String tuned() {
    RateTuning t = tuning;
    return t == null ? "" : t.toJson();
  }

  /**
   * Has the status tell how served calls end while callers doubt this service. Any thread, once.
   */
  public void tellsServed(final Engine engine) {
    loop.execute(
        () -> {
          ServedReport calls = new ServedReport(engine, loop, this::publishStatus);
          served = calls;
          fanout.add(calls);
        });
  }

  /**
   * What the status tells of latencies while somebody looks. Any thread.
   *
   * @param json an array; asked on the loop
   */
  public void tells(final Supplier<String> json) {
    loop.execute(() -> latencies = json);
  }

  /**
   * Which libraries this JVM has loaded, for the status key. Any thread.
   *
   * @param json an array
   */
  public void covers(final String json) {
    loop.execute(
        () -> {
          coverage = json;
          publishStatus();
        });
  }

  /** How it stands with the store. Any thread. */
  public Health health() {
    return health;
  }

  /** What is in force and what was refused. Any thread. */
  public InstanceReport report() {
    return feed.report();
  }

  /** Control tasks that threw. Any thread. */
  public long failures() {
    return loop.failures();
  }

  /** Lets go of the lease, the connection and the threads; waits for three seconds at most. */
  @Override
  public void close() {
    store.close();
    loop.close(TimeUnit.SECONDS.toNanos(3));
    if (disk != null) {
      disk.close(TimeUnit.SECONDS.toNanos(1));
    }
  }

  private void begin() {
    fanout.add(new Intake());
    if (shared != null && !options.instance.isEmpty()) {
      statusLease = shared.lease(STATUS_TTL_SECONDS, new StatusLease());
    }
    final DiskSnapshot file = snapshot;
    if (disk == null || file == null) {
      store.start(fanout);
      return;
    }
    // from now on, whatever becomes of the disk
    begun = loop.schedule(this::follow, DISK_NANOS);
    disk.execute(
        () -> {
          final DiskSnapshot.Content content = read(file);
          loop.execute(
              () -> {
                if (content != null && !storeSpoke) {
                  restore(file, content);
                }
                follow();
              });
        });
  }

  private void follow() {
    if (begun != null) {
      begun.cancel();
      begun = null;
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
      ruled();
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
    boolean looked = !looking.isEmpty();
    String now =
        feed.report()
            .toJson(
                options.service,
                options.agentVersion,
                addresses,
                tuned(),
                served == null ? "" : served.json(),
                looked ? latencies.get() : "",
                coverage,
                options.healthPaths,
                options.infrastructure);
    if (!now.equals(status)) {
      statusLease.hold(statusKey(), now.getBytes(StandardCharsets.UTF_8));
      status = now;
    }
    if (looked) {
      looks.in(LOOK_NANOS);
    } else {
      looks.cancel();
    }
  }

  private String statusKey() {
    return "/weir/status/" + options.service + "/" + options.instance;
  }

  private void saveSoon() {
    if (disk != null && !saving) {
      saving = true;
      saves.in(SNAPSHOT_QUIET_NANOS);
    }
  }

  private void save() {
    final LoopThread to = disk;
    final DiskSnapshot file = snapshot;
    if (to != null && file != null) {
      final List<Entry> good = new ArrayList<Entry>();
      for (Entry e : feed.lastGood().values()) {
        if (e.key.startsWith(RuleKey.RULES) || e.key.equals(RuleKey.OFF)) {
          good.add(e);
        }
      }
      // a disk that hangs holds one of them back, and the newest is written after it
      if (unsaved.getAndSet(new Saved(health.revision, good)) == null) {
        to.execute(() -> write(file));
      }
    }
    saving = false;
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

  /** What is to be written to disk. */
  private static final class Saved {
    final long revision;
    final List<Entry> good;

    Saved(long revision, List<Entry> good) {
      this.revision = revision;
      this.good = good;
    }
  }

  /** The feed's place in the fan-out, with what surrounds it. */
  private final class Intake implements Store.Listener {
    /** Each reason is told once per outage, and not too many of them. */
    private final Set<String> saidSinceConnected = new HashSet<String>();

    @Override
    public void onBatch(Batch batch) {
      Batch whole = batch;
      if (!restored.isEmpty()) {
        // the store's first word is the whole truth: what it does not name is gone
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
      storeSpoke = true;
      Health h = health;
      health = new Health(h.connected, h.reason, batch.revision, false, h.lastConnectedNanos);
      long before = feed.report().revision;
      feed.onBatch(whole);
      for (Change c : whole.changes) {
        if (!c.key.startsWith(LOOK)) {
          continue;
        }
        String at = c.now == null ? null : c.now.text();
        if (at != null && (at.isEmpty() || at.equals(options.service))) {
          looking.add(c.key);
        } else {
          looking.remove(c.key);
        }
      }
      publishStatus();
      if (!ruled) {
        ruled();
      }
      if (feed.report().revision != before) {
        saveSoon();
      }
    }

    @Override
    public void onConnected(boolean connected, String reason) {
      Health h = health;
      if (connected) {
        saidSinceConnected.clear();
        log.info("weir: connected to " + source());
      } else if (saidSinceConnected.size() < 8 && saidSinceConnected.add(reason)) {
        log.warn("weir: no connection to " + source() + ": " + reason + "; " + consequence());
      }
      long seen = connected || h.connected ? loop.now() : h.lastConnectedNanos;
      health = new Health(connected, reason, h.revision, h.restored, seen);
    }

    private String source() {
      return options.etcd != null ? options.etcd.toString() : String.valueOf(options.directory);
    }

    private String consequence() {
      return storeSpoke
          ? "the last good rules stay"
          : health.restored
              ? "the rules from disk are in force"
              : "no rule is in force yet, and nothing is registered";
    }
  }

  private final class StatusLease implements LeaseSession.Listener {
    @Override
    public void onGranted(long id) {
      // the session puts held keys again by itself
    }

    @Override
    public void onLost(long id, String reason) {
      // a new one is granted; the status comes back with it
    }
  }
}
