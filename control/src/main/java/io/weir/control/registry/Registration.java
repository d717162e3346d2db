package io.weir.control.registry;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The registration of one server of this instance: the key {@code
 * /services/SERVICE/instances/HOST:PORT}. It exists only while its lease is renewed and the server
 * answers the probe.
 *
 * <p>A hung JVM, a long pause or a partition ends the renewals, and the key expires with its lease.
 * When the JVM runs but its server fails two probes in a row, the registration deletes the key
 * itself, earlier than the lease would, and writes it again after one good probe. A probe that does
 * not return counts as failed each time the next one would be due.
 *
 * <p>Before it deletes the key it writes {@code leaving} into the value, on which routers act at
 * once. A key that somebody else deletes is written again.
 *
 * <p>Threading: the state belongs to the control loop. Probes run on the given executor, one at a
 * time.
 */
public final class Registration implements AutoCloseable {
  static final int TTL_SECONDS = 10;
  static final long PROBE_EVERY_NANOS = 5_000_000_000L;

  /** While not registered: the first probe often fails, while the server still loads classes. */
  static final long PROBE_AGAIN_NANOS = 1_000_000_000L;

  /** How many failed probes in a row deregister. */
  private static final int FAILURES_TO_DEREGISTER = 2;

  private final SharedStore store;
  private final Loop loop;
  private final Executor prober;
  private final Probe probe;
  private final String key;
  private final byte[] value;

  /** The value before the key is deleted: routers drop the instance at once. */
  private final byte[] leaving;

  private final Log log;

  private final AtomicLong timesLost = new AtomicLong();

  // written on the loop, read by any thread
  private volatile @Nullable LeaseSession lease;
  private volatile boolean registered;

  // loop only
  private final Loop.Chain probes;
  private final Loop.Chain overdue;
  private final AtomicBoolean probing = new AtomicBoolean();
  private int failures;
  private boolean closed;

  /**
   * @param prober runs the probes, which block
   * @param service the service's logical name
   * @param address {@code host:port} where others reach this server
   * @param value {@code alive} or a JSON object
   */
  public Registration(
      SharedStore store,
      Loop loop,
      Executor prober,
      Probe probe,
      String service,
      String address,
      String value,
      Log log) {
    this.store = store;
    this.loop = loop;
    this.prober = prober;
    this.probe = probe;
    this.key = key(service, address);
    this.value = value.getBytes(StandardCharsets.UTF_8);
    this.leaving = leaving(value).getBytes(StandardCharsets.UTF_8);
    this.log = log;
    // long, because the next step is set by the probe's answer; a lost probe is repeated
    probes = loop.chain("probe of " + address, 4 * PROBE_EVERY_NANOS, this::sendProbe);
    overdue = loop.chain("silence of " + address, PROBE_EVERY_NANOS, this::probeOverdue);
  }

  static String key(String service, String address) {
    return "/services/" + service + "/instances/" + address;
  }

  /** The value that tells routers that the instance is about to stop. */
  static String leaving(String value) {
    String open = value.startsWith("{") ? value.substring(0, value.length() - 1) + "," : "{";
    return open + "\"leaving\":true}";
  }

  /** {@code host:port}. */
  String address() {
    return key.substring(key.lastIndexOf('/') + 1);
  }

  /** Whether the key is in etcd with its value, as far as is known here. Any thread. */
  boolean isRegistered() {
    LeaseSession l = lease;
    return registered && l != null && l.isWritten(key);
  }

  /**
   * How often the key was lost: its lease expired, somebody else removed it, or the server failed
   * its probes. Any thread.
   */
  long timesLost() {
    return timesLost.get();
  }

  /** Probes at once, and registers when the answer is good. Any thread. */
  public void start() {
    probes.in(0);
  }

  private void sendProbe() {
    if (!closed) {
      overdue.in(PROBE_EVERY_NANOS);
      if (probing.compareAndSet(false, true)) {
        prober.execute(this::probe);
      }
    }
  }

  /** On the prober's thread. */
  private void probe() {
    try {
      String problem;
      try {
        problem = probe.check();
      } catch (Throwable e) {
        problem = "the probe failed: " + e;
      }
      String t = problem;
      loop.execute(() -> probeAnswered(t));
    } finally {
      probing.set(false);
    }
  }

  private void probeOverdue() {
    if (!closed) {
      probeFailed("its probe does not come back");
    }
  }

  /**
   * @param problem null: the server is healthy
   */
  private void probeAnswered(@Nullable String problem) {
    if (closed) {
      return;
    }
    overdue.cancel();
    // set before the work below, which may throw, and again after it
    probes.in(registered || problem == null ? PROBE_EVERY_NANOS : PROBE_AGAIN_NANOS);
    if (problem == null) {
      failures = 0;
      if (!registered) {
        LeaseSession l = lease;
        if (l == null) {
          l = store.lease(TTL_SECONDS, new Renewal());
          lease = l;
        } else if (l.id() != 0) {
          log.info("weir: registered " + key + " again: it answers its probe");
        }
        l.hold(key, value);
        registered = true; // last: if something above throws, the next probe repeats it
      }
    } else {
      probeFailed(problem);
    }
    probes.in(registered ? PROBE_EVERY_NANOS : PROBE_AGAIN_NANOS);
  }

  private void probeFailed(String problem) {
    LeaseSession l = lease;
    if (++failures >= FAILURES_TO_DEREGISTER && registered && l != null) {
      registered = false;
      timesLost.incrementAndGet();
      l.release(key, leaving);
      log.warn("weir: deregistered " + key + ": " + problem + ", " + failures + " times in a row");
    }
  }

  /**
   * Deregisters. Calls under way are not touched. New calls stop when the routers see that the key
   * is leaving or deleted.
   */
  @Override
  public void close() {
    loop.execute(
        () -> {
          closed = true;
          probes.cancel();
          overdue.cancel();
          LeaseSession l = lease;
          if (l != null) {
            // the key is also deleted on its own: if the revocation fails, the key would last until
            // its lease expires
            l.release(key, leaving);
            l.close();
          }
        });
  }

  private final class Renewal implements LeaseSession.Listener {
    @Override
    public void onGranted(long id) {
      // the session writes the held key itself, under this lease
      if (registered) {
        log.info("weir: registered " + key);
      }
    }

    @Override
    public void onLost(long id, String reason) {
      if (registered) {
        timesLost.incrementAndGet();
      }
      log.warn("weir: the registration of " + key + " was lost (" + reason + ") and is made again");
    }

    @Override
    public void onRemoved(String gone, String how) {
      timesLost.incrementAndGet();
      log.warn("weir: the registration of " + key + " is gone (" + how + ") and is made again");
    }
  }
}
