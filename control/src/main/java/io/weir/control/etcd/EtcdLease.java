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
 * A lease that is renewed every third of its TTL. It counts as lost when etcd says so, or when no
 * renewal succeeded for a whole TTL, measured from when the last good one was <em>sent</em>: by
 * then etcd may have deleted the keys. Then a new lease is requested and the held keys are written
 * under it.
 *
 * <p>Held keys are written by compare-and-set: each has the mod revision that it has in etcd, and
 * if that is not known, the key is read first. When an event says that somebody else deleted or
 * overwrote a held key, the key is read and then written again.
 *
 * <p>A released key gets its final value first, in a transaction of its own, so that watchers learn
 * why it goes; see {@link LeaseSession#release}. Then it is deleted.
 *
 * <p>All methods of {@link LeaseSession} may be called from any thread, the others on the loop
 * only.
 */
final class EtcdLease implements LeaseSession {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  /** How long {@link #close()} waits for released keys. */
  private static final long CLOSE_WAIT_NANOS = SECOND;

  /** Longer than {@link BoundedAnswers} takes for any answer. */
  private static final long ANSWERED_NANOS = 8 * SECOND;

  /** A held key and what is known of it in etcd. */
  private static final class Held {
    /** The key with its namespace. */
    final String complete;

    /** The value to be written; null before the first. */
    byte @Nullable [] value;

    /** The mod revision in etcd; 0: the key does not exist. */
    long modRevision;

    /** Whether {@link #modRevision} is up to date. If not, the key is read before it is written. */
    boolean known;

    /** Whether etcd has the value under the current lease. False from the first doubt on. */
    volatile boolean written;

    /**
     * Whether it was written under the current lease and no read has missed it since. It stays true
     * while the key is only in doubt: if a read then does not find the key, somebody removed it.
     */
    boolean wasWritten;

    /** The key is to be deleted. */
    boolean released;

    /** Written before the key is deleted; null: there is nothing to write (any more). */
    byte @Nullable [] finalValue;

    /**
     * Counts the events that made {@link #modRevision} uncertain. The answer to a read that was
     * sent before the newest of them does not make it known.
     */
    int invalidations;

    /** How often in a row it was found removed. */
    int removals;

    /** When it was last found removed. */
    long removedAt;

    /** It is not written again before. */
    long notBefore = Long.MIN_VALUE;

    Held(String complete) {
      this.complete = complete;
    }
  }

  /** A removal so long after the last one counts as the first again. */
  private static final long QUIET_NANOS = 60 * SECOND;

  private final EtcdCalls calls;
  private final Loop loop;
  private final int ttlSeconds;
  private final Listener listener;
  private final Map<String, Held> held = new ConcurrentSkipListMap<String, Held>();
  private volatile long id;
  private volatile boolean closed;

  /** When the last successful grant or renewal was sent. */
  private long lastGood;

  private final Loop.Chain steps;
  private final Loop.Chain flushes;

  /** Whether a new lease has been requested. */
  private boolean granting;

  /** Whether a read or a write of keys is under way, and since when. */
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
            h = new Held(calls.complete(key));
            held.put(key, h);
            calls.onHold(key);
          }
          h.value = value;
          h.written = false;
          h.released = false;
          h.finalValue = null;
          flush();
        });
  }

  @Override
  public void release(final String key, final byte @Nullable [] finalValue) {
    loop.execute(
        () -> {
          Held h = held.get(key);
          if (h != null && !h.released) {
            h.released = true;
            h.written = false;
            h.wasWritten = false;
            h.finalValue = finalValue;
            flush();
          }
        });
  }

  @Override
  public List<String> held() {
    return new ArrayList<String>(held.keySet());
  }

  @Override
  public boolean isWritten(String key) {
    Held h = held.get(key);
    return h != null && h.written && id != 0;
  }

  /**
   * An event of a watch.
   *
   * @param now has the complete key; a null value: the key was deleted
   */
  void onEvent(Entry now) {
    for (Held h : held.values()) {
      if (h.complete.equals(now.key)) {
        // our own writes make events, too; some arrive after a newer write
        boolean own = now.value != null && now.lease == id;
        if (!own && !(h.known && now.modRevision <= h.modRevision)) {
          invalidate(h);
          flush();
        }
        return;
      }
    }
  }

  /**
   * Compares a held key with what a read of the watched prefixes found ({@link FollowedKeys}).
   * Where they differ, the key is read by itself.
   *
   * @param now null: the key is not in etcd
   * @param revision the revision of that read
   */
  void compare(String key, @Nullable Entry now, long revision) {
    Held h = held.get(key);
    if (h != null && h.known && h.written && h.modRevision <= revision) {
      if (now == null || now.modRevision != h.modRevision) {
        invalidate(h);
        flush();
      }
    }
  }

  /**
   * Has a held key read again: events about it may have been missed. There is no sign of a change,
   * so it goes on counting as written.
   */
  void mustReread(String key) {
    Held h = held.get(key);
    if (h != null && h.written) {
      h.known = false;
      h.invalidations++;
      flush();
    }
  }

  private static void invalidate(Held h) {
    h.known = false;
    h.written = false;
    h.invalidations++;
  }

  @Override
  public void close() {
    loop.execute(() -> close(loop.now() + CLOSE_WAIT_NANOS));
  }

  /** Waits until the deadline for keys that are being released, then revokes the lease. */
  private void close(long deadline) {
    boolean releasing = false;
    for (Held h : held.values()) {
      releasing |= h.released;
    }
    if (releasing && id != 0 && !closed && loop.now() - deadline < 0) {
      loop.schedule(() -> close(deadline), CLOSE_WAIT_NANOS / 20);
      return;
    }
    if (!closed) {
      long last = end();
      if (last != 0) {
        calls.revoke(last);
      }
      calls.forget(this);
    }
  }

  /**
   * A transaction that writes the final values that are not written yet; null: there are none. For
   * the end of the process, which has no time for more: revoking the lease then deletes the keys.
   */
  @Nullable Txn finalValues() {
    Txn txn = null;
    for (Map.Entry<String, Held> e : held.entrySet()) {
      Held h = e.getValue();
      if (h.released && h.finalValue != null && h.modRevision != 0 && id != 0) {
        txn = txn == null ? new Txn() : txn;
        txn.ifModRevision(e.getKey(), h.modRevision);
        txn.put(e.getKey(), h.finalValue, id);
      }
    }
    return txn;
  }

  /**
   * Stops renewing.
   *
   * @return the lease that the caller must revoke; 0: none
   */
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

  /** Requests a lease, or renews it. The answer sets when the next step runs. */
  private void step() {
    if (closed) {
      steps.cancel();
    } else if (id == 0) {
      granting = false; // the request got lost, else its answer would be here
      grant();
    } else {
      renew();
    }
  }

  private void flushAgain() {
    flushes.cancel(); // a chain repeats until it is cancelled; flush() begins it anew where needed
    flush();
  }

  /** etcd is reachable again: there is no need to wait for the next attempt. */
  void connected() {
    if (id == 0) {
      begin();
    } else {
      flush();
    }
  }

  /**
   * Has all held keys read, to see whether they are still what was written. A read that is under
   * way counts, too.
   */
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
        new EtcdClient.Answer<Long>() {
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
              h.wasWritten = false; // it was deleted with the old lease
            }
            renewIn(ttlSeconds * SECOND / 3);
            listener.onGranted(granted);
            flush();
          }

          @Override
          public void failed(EtcdCallException e) {
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
        new EtcdClient.Answer<Long>() {
          @Override
          public void ok(Long ttl) {
            if (lease == id) {
              lastGood = sent;
              renewIn(ttlSeconds * SECOND / 3);
            }
          }

          @Override
          public void failed(EtcdCallException e) {
            if (lease != id) {
              return;
            }
            if (e.kind == EtcdCallException.Kind.NOT_FOUND) {
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

  /** Writes the held keys: first reads those that are not known, then writes all at once. */
  private void flush() {
    boolean waits = busy && loop.now() - busySince < ANSWERED_NANOS;
    if (waits || closed || id == 0) {
      return;
    }
    for (Map.Entry<String, Held> e : held.entrySet()) {
      if (!e.getValue().known) {
        read(e.getKey(), e.getValue());
        return;
      }
    }
    final long lease = id;
    final Map<String, Sent> sent = new LinkedHashMap<String, Sent>();
    Txn txn = new Txn();
    for (Map.Entry<String, Held> e : held.entrySet()) {
      Held h = e.getValue();
      if (!h.written && h.notBefore <= loop.now()) {
        Sent now = Sent.of(h);
        txn.ifModRevision(e.getKey(), h.modRevision);
        if (now.value == null) {
          txn.delete(e.getKey());
        } else {
          txn.put(e.getKey(), now.value, lease);
        }
        sent.put(e.getKey(), now);
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
          for (Map.Entry<String, Sent> e : sent.entrySet()) {
            Held h = held.get(e.getKey());
            if (h != null) {
              sent(e.getKey(), h, e.getValue(), outcome, lease);
            }
          }
          if (outcome.kind == Txn.Outcome.Kind.UNKNOWN) {
            flushes.in(SECOND);
          } else {
            flush();
          }
        });
  }

  /** Takes the outcome of a write of one key. */
  private void sent(String key, Held h, Sent was, Txn.Outcome outcome, long lease) {
    if (outcome.kind != Txn.Outcome.Kind.DONE) {
      h.known = false;
      return;
    }
    h.modRevision = was.value == null ? 0 : outcome.revision;
    if (was.value == null) {
      if (h.released) {
        held.remove(key);
      }
    } else if (was.value == h.finalValue) {
      h.finalValue = null;
    } else {
      h.wasWritten = lease == id && !h.released;
      h.written = h.wasWritten && h.value == was.value && h.invalidations == was.invalidations;
    }
  }

  /** A write of one held key that is under way. */
  private static final class Sent {
    /** Null: the key is deleted. */
    final byte @Nullable [] value;

    final int invalidations;

    private Sent(byte @Nullable [] value, int invalidations) {
      this.value = value;
      this.invalidations = invalidations;
    }

    static Sent of(Held h) {
      if (!h.released) {
        return new Sent(h.value, h.invalidations);
      }
      // a final value only replaces an existing one
      return new Sent(h.modRevision == 0 ? null : h.finalValue, h.invalidations);
    }
  }

  /**
   * A written key is missing, or has another lease. Where it is missing, first finds out whether
   * the lease has expired, because etcd then deletes its keys.
   *
   * @param instead the entry that somebody else wrote; null: the key does not exist
   */
  private void onMissing(String key, Held h, @Nullable Entry instead) {
    h.wasWritten = false;
    if (instead != null) {
      writeAgain(
          key,
          h,
          instead.lease == 0
              ? "somebody overwrote it"
              : "another process holds it, too; is its weir.instance.address the same?");
      return;
    }
    final long lease = id;
    h.notBefore = Long.MAX_VALUE;
    calls.keepAlive(
        lease,
        new EtcdClient.Answer<Long>() {
          @Override
          public void ok(Long ttl) {
            answered("somebody deleted it");
          }

          @Override
          public void failed(EtcdCallException e) {
            if (e.kind == EtcdCallException.Kind.NOT_FOUND && lease == id) {
              h.notBefore = loop.now();
              lost("expired");
            } else {
              answered("it is not there");
            }
          }

          private void answered(String how) {
            h.notBefore = loop.now();
            if (lease == id && !h.released) {
              writeAgain(key, h, how);
            }
            flush();
          }
        });
  }

  /** Writes the key again: at once the first time, then after growing delays. */
  private void writeAgain(String key, Held h, String how) {
    long now = loop.now();
    h.removals = h.removals > 0 && now - h.removedAt < QUIET_NANOS ? h.removals + 1 : 1;
    h.removedAt = now;
    long delay = h.removals == 1 ? 0 : Math.min(QUIET_NANOS, SECOND << Math.min(6, h.removals - 2));
    h.notBefore = now + delay;
    if (delay > 0) {
      loop.schedule(this::flush, delay);
    }
    listener.onRemoved(key, how);
  }

  private void read(final String key, final Held h) {
    busy = true;
    busySince = loop.now();
    final int invalidations = h.invalidations;
    calls.get(
        key,
        new EtcdClient.Answer<Entry>() {
          @Override
          public void ok(@Nullable Entry e) {
            busy = false;
            h.known = h.invalidations == invalidations;
            h.modRevision = e == null ? 0 : e.modRevision;
            boolean ours = e != null && e.lease == id;
            if (h.released && !ours) {
              held.remove(key); // it was deleted, or somebody else has it by now
              flush();
              return;
            }
            h.written =
                e != null && ours && h.known && !h.released && Arrays.equals(e.value, h.value);
            if (h.written) {
              h.wasWritten = true;
            } else if (h.known && h.wasWritten && !ours) {
              onMissing(key, h, e);
            }
            flush();
          }

          @Override
          public void failed(EtcdCallException e) {
            busy = false;
            flushes.in(SECOND);
          }
        });
  }
}
