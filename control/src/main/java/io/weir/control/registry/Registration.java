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
 * This instance's place in {@code /services/<svc>/instances/<host:port>}, kept only while two
 * things hold: the lease is renewed, and the instance answers its own probe.
 *
 * <p>Before the key is deleted here, its value says {@code leaving}: routers believe that at once.
 * A key that somebody else deletes is written again.
 *
 * <p>A hung JVM, a long pause or a partition ends the renewals and the key goes with its lease. A
 * JVM that still runs but whose server does not answer twice in a row lets go of the key itself,
 * sooner than the lease would, and takes it back after one good probe. A probe that does not come
 * back at all counts as a bad answer each time one would have been due: no renewal goes on for
 * longer than two probes without a good one.
 *
 * <p>Threading: state lives on the loop; the probe runs on the executor handed in, one at a time.
 */
public final class Registration implements AutoCloseable {
  static final int TTL_SECONDS = 10;
  static final long PROBE_EVERY_NANOS = 5_000_000_000L;

  /** While out: a server just started fails its first probe when that still loads its classes. */
  static final long PROBE_AGAIN_NANOS = 1_000_000_000L;

  private static final int FAILURES_TO_SUSPECT = 2;

  private final SharedStore store;
  private final Loop loop;
  private final Executor prober;
  private final Probe probe;
  private final String key;
  private final byte[] value;

  /** What stands there last: routers drop the instance at once, and need not wonder why it went. */
  private final byte[] leaving;

  private final Log log;

  private final AtomicLong lost = new AtomicLong();

  // written on the loop
  private volatile @Nullable LeaseSession lease;
  private volatile boolean registered;

  // loop only
  private final Loop.Chain asks;
  private final Loop.Chain overdue;
  private final AtomicBoolean asking = new AtomicBoolean();
  private int failures;
  private boolean closed;

  /**
   * @param service logical name
   * @param address {@code host:port} others reach this instance at
   * @param value {@code alive} or JSON
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
    // a probe may take its time; one that was lost on the way is asked again
    asks = loop.chain("probe of " + address, 4 * PROBE_EVERY_NANOS, this::ask);
    overdue = loop.chain("silence of " + address, PROBE_EVERY_NANOS, this::silent);
  }

  static String key(String service, String address) {
    return "/services/" + service + "/instances/" + address;
  }

  /** The value of an instance that is about to go. */
  static String leaving(String value) {
    String open = value.startsWith("{") ? value.substring(0, value.length() - 1) + "," : "{";
    return open + "\"leaving\":true}";
  }

  /** {@code host:port}. */
  String address() {
    return key.substring(key.lastIndexOf('/') + 1);
  }

  /** Whether it stands in the registry, as far as etcd has told. Any thread. */
  boolean isRegistered() {
    LeaseSession l = lease;
    return registered && l != null && l.stands(key);
  }

  /**
   * Times it went: with its lease, by somebody's hand, or because the server did not answer. Any
   * thread.
   */
  long lost() {
    return lost.get();
  }

  /** Probes at once and registers when the answer is good. Any thread. */
  public void start() {
    asks.in(0);
  }

  private void ask() {
    if (!closed) {
      overdue.in(PROBE_EVERY_NANOS);
      if (asking.compareAndSet(false, true)) {
        prober.execute(this::probe);
      }
    }
  }

  /** On the prober's thread. */
  private void probe() {
    try {
      String trouble;
      try {
        trouble = probe.ask();
      } catch (Throwable e) {
        trouble = "the probe failed: " + e;
      }
      String t = trouble;
      loop.execute(() -> answered(t));
    } finally {
      asking.set(false);
    }
  }

  private void silent() {
    if (!closed) {
      failed("its probe does not come back");
    }
  }

  private void answered(@Nullable String trouble) {
    if (closed) {
      return;
    }
    overdue.cancel();
    asks.in(registered || trouble == null ? PROBE_EVERY_NANOS : PROBE_AGAIN_NANOS);
    if (trouble == null) {
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
        registered = true; // last: what throws before is done again
      }
    } else {
      failed(trouble);
    }
    asks.in(registered ? PROBE_EVERY_NANOS : PROBE_AGAIN_NANOS);
  }

  private void failed(String trouble) {
    LeaseSession l = lease;
    if (++failures >= FAILURES_TO_SUSPECT && registered && l != null) {
      registered = false;
      lost.incrementAndGet();
      l.release(key, leaving);
      log.warn("weir: deregistered " + key + ": " + trouble + ", " + failures + " times in a row");
    }
  }

  /**
   * Deregisters. Calls still under way go on; new ones stop coming as soon as the routers see the
   * key gone.
   */
  @Override
  public void close() {
    loop.execute(
        () -> {
          closed = true;
          asks.cancel();
          overdue.cancel();
          LeaseSession l = lease;
          if (l != null) {
            // the key by itself, too: a revocation that does not get through leaves it to the TTL
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
        lost.incrementAndGet();
      }
      log.warn("weir: the registration of " + key + " was lost (" + reason + ") and is made again");
    }

    @Override
    public void onGone(String gone, String how) {
      lost.incrementAndGet();
      log.warn("weir: the registration of " + key + " is gone (" + how + ") and is made again");
    }
  }
}
