package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import io.weir.control.store.Entry;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.Txn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A lease renewed every third of its TTL. It counts as lost when etcd says so, or when no renewal
 * succeeded for a whole TTL, measured from when the last good one was <em>sent</em>: by then the
 * keys may be gone. A lost lease is granted anew and the held keys are written again.
 *
 * <p>Held keys are written by compare-and-set like everything else: each remembers the mod revision
 * it has in etcd, and what is not known is read first. All state belongs to the loop; {@link #id}
 * and {@link #held} may be read from anywhere.
 */
final class EtcdLease implements LeaseSession {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  /** By then {@link Answers} has given every answer. */
  private static final long ANSWERED_NANOS = 8 * SECOND;

  /** A key of ours and what is known of it in etcd. */
  private static final class Held {
    byte @Nullable [] value;

    /** In etcd, 0: absent. */
    long modRevision;

    /** Whether modRevision can be relied on. */
    boolean known;

    /** Under the lease in force with the value wanted. */
    boolean written;

    /** To be deleted, not written. */
    boolean released;
  }

  private final EtcdCalls calls;
  private final Loop loop;
  private final int ttlSeconds;
  private final Listener listener;
  private final Map<String, Held> held = new ConcurrentSkipListMap<String, Held>();
  private volatile long id;
  private volatile boolean closed;
  private long lastGood;
  private final Loop.Chain steps;
  private final Loop.Chain flushes;

  /** Since when etcd is asked for a lease, or to look at or write keys; nobody waits for ever. */
  private boolean granting;

  private boolean busy;
  private long busySince;

  EtcdLease(EtcdCalls calls, Loop loop, int ttlSeconds, Listener listener) {
    this.calls = calls;
    this.loop = loop;
    this.ttlSeconds = Math.max(2, ttlSeconds);
    this.listener = listener;
    steps = loop.chain("lease", ANSWERED_NANOS, this::step);
    flushes = loop.chain("keys of a lease", SECOND, this::flushAgain);
  }

  @Override
  public long id() {
    return id;
  }

  @Override
  public void hold(final String key, final byte[] value) {
    loop.execute(
        () -> {
          Held h = held.get(key);
          if (h == null) {
            h = new Held();
            held.put(key, h);
          }
          h.value = value;
          h.written = false;
          h.released = false;
          flush();
        });
  }

  @Override
  public void release(final String key) {
    loop.execute(
        () -> {
          Held h = held.get(key);
          if (h != null) {
            h.released = true;
            h.written = false;
            flush();
          }
        });
  }

  @Override
  public List<String> held() {
    return new ArrayList<String>(held.keySet());
  }

  @Override
  public void close() {
    loop.execute(
        () -> {
          long last = end();
          if (last != 0) {
            calls.revoke(last);
          }
          calls.forget(this);
        });
  }

  /** Stops renewing; gives the lease to revoke, or 0. */
  long end() {
    closed = true;
    steps.cancel();
    flushes.cancel();
    long last = id;
    id = 0;
    return last;
  }

  void begin() {
    if (!closed && id == 0 && !granting) {
      grant();
    }
  }

  /** What is due: a lease, or its renewal. Its answer says when the next one is. */
  private void step() {
    if (closed) {
      steps.cancel();
    } else if (id == 0) {
      granting = false; // its answer would be here
      grant();
    } else {
      renew();
    }
  }

  private void flushAgain() {
    flushes.cancel();
    flush();
  }

  /** etcd is reached again: no need to wait for the next try. */
  void connected() {
    if (id == 0) {
      begin();
    } else {
      flush();
    }
  }

  /** Are our keys still what we wrote? */
  void check() {
    if (id != 0) {
      for (Held h : held.values()) {
        h.known = false;
      }
      flush();
    }
  }

  private void grant() {
    granting = true;
    steps.in(ANSWERED_NANOS);
    final long sent = loop.now();
    calls.grant(
        ttlSeconds,
        new Wire.Answer<Long>() {
          @Override
          public void ok(Long granted) {
            granting = false;
            if (closed || id != 0) {
              calls.revoke(granted);
              return;
            }
            id = granted;
            lastGood = sent;
            for (Held h : held.values()) {
              h.known = false;
              h.written = false;
            }
            renewIn(ttlSeconds * SECOND / 3);
            listener.onGranted(granted);
            flush();
          }

          @Override
          public void failed(WireException e) {
            granting = false;
            if (!closed && id == 0) {
              steps.in(SECOND);
            }
          }
        });
  }

  private void renewIn(long nanos) {
    if (!closed) {
      steps.in(nanos);
    }
  }

  private void renew() {
    final long lease = id;
    steps.in(ANSWERED_NANOS);
    final long sent = loop.now();
    if (sent - lastGood > ttlSeconds * SECOND) {
      lost("not renewed for " + ttlSeconds + " s");
      return;
    }
    calls.keepAlive(
        lease,
        new Wire.Answer<Long>() {
          @Override
          public void ok(Long ttl) {
            if (lease == id) {
              lastGood = sent;
              renewIn(ttlSeconds * SECOND / 3);
            }
          }

          @Override
          public void failed(WireException e) {
            if (lease != id) {
              return;
            }
            if (e.kind == WireException.Kind.NOT_FOUND) {
              lost("expired");
            } else {
              renewIn(Math.min(SECOND, ttlSeconds * SECOND / 6));
            }
          }
        });
  }

  private void lost(String reason) {
    long old = id;
    id = 0;
    listener.onLost(old, reason);
    begin();
  }

  /** Brings etcd to what is held: reads what is not known, then writes all of it at once. */
  private void flush() {
    boolean waits = busy && loop.now() - busySince < ANSWERED_NANOS;
    if (waits || closed || id == 0) {
      return;
    }
    for (Map.Entry<String, Held> e : held.entrySet()) {
      if (!e.getValue().known) {
        look(e.getKey(), e.getValue());
        return;
      }
    }
    final long lease = id;
    final Map<String, byte[]> sent = new LinkedHashMap<String, byte[]>();
    Txn txn = new Txn();
    for (Map.Entry<String, Held> e : held.entrySet()) {
      Held h = e.getValue();
      if (!h.written) {
        txn.ifModRevision(e.getKey(), h.modRevision);
        if (h.released) {
          txn.delete(e.getKey());
        } else {
          txn.put(e.getKey(), h.value, lease);
        }
        sent.put(e.getKey(), h.released ? null : h.value);
      }
    }
    if (sent.isEmpty()) {
      return;
    }
    busy = true;
    busySince = loop.now();
    calls.txn(
        txn,
        outcome -> {
          busy = false;
          for (Map.Entry<String, byte[]> e : sent.entrySet()) {
            Held h = held.get(e.getKey());
            if (h == null) {
              continue;
            }
            if (outcome.kind != Txn.Outcome.Kind.DONE) {
              h.known = false;
            } else if (e.getValue() == null && h.released) {
              held.remove(e.getKey());
            } else {
              h.modRevision = e.getValue() == null ? 0 : outcome.revision;
              h.written = lease == id && !h.released && h.value == e.getValue();
            }
          }
          if (outcome.kind == Txn.Outcome.Kind.UNKNOWN) {
            flushes.in(SECOND);
          } else {
            flush();
          }
        });
  }

  private void look(final String key, final Held h) {
    busy = true;
    busySince = loop.now();
    calls.get(
        key,
        new Wire.Answer<Entry>() {
          @Override
          public void ok(@Nullable Entry e) {
            busy = false;
            h.known = true;
            h.modRevision = e == null ? 0 : e.modRevision;
            h.written =
                e != null && !h.released && e.lease == id && Arrays.equals(e.value, h.value);
            if (e == null && h.released) {
              held.remove(key);
            }
            flush();
          }

          @Override
          public void failed(WireException e) {
            busy = false;
            flushes.in(SECOND);
          }
        });
  }
}
