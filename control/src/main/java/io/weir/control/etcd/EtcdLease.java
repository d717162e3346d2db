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
 * it has in etcd, and what is not known is read first. A key that somebody else deletes or
 * overwrites is looked at as soon as etcd tells of it, and written again. All state belongs to the
 * loop; {@link #id}, {@link #stands} and {@link #held} may be read from anywhere.
 */
final class EtcdLease implements LeaseSession {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long LAST_WORDS_NANOS = SECOND;

  /** By then {@link BoundedAnswers} has given every answer. */
  private static final long ANSWERED_NANOS = 8 * SECOND;

  /** A key of ours and what is known of it in etcd. */
  private static final class Held {
    final String complete;
    byte @Nullable [] value;

    /** In etcd, 0: absent. */
    long modRevision;

    /** Whether modRevision can be relied on. */
    boolean known;

    /** Under the lease in force with the value wanted. */
    volatile boolean written;

    /** It has been, and nobody has said since that it is gone. */
    boolean stood;

    /** To be deleted, not written. */
    boolean released;

    /** To be written before it is deleted, or null: nothing, or it is written. */
    byte @Nullable [] lastWords;

    /** Counts the reasons to look at it; a look that was asked for before the last one is void. */
    int doubts;

    /** How often it was found gone of late, the last time, and until when it is left so. */
    int gones;

    long goneAt;
    long notBefore = Long.MIN_VALUE;

    Held(String complete) {
      this.complete = complete;
    }
  }

  /** Gone so long after the last time, it is written at once again. */
  private static final long QUIET_NANOS = 60 * SECOND;

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
            h = new Held(calls.complete(key));
            held.put(key, h);
            calls.holds(key);
          }
          h.value = value;
          h.written = false;
          h.released = false;
          h.lastWords = null;
          flush();
        });
  }

  @Override
  public void release(final String key, final byte @Nullable [] lastWords) {
    loop.execute(
        () -> {
          Held h = held.get(key);
          if (h != null && !h.released) {
            h.released = true;
            h.written = false;
            h.stood = false;
            h.lastWords = lastWords;
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

  /** etcd tells of a key, complete; a null value: it is gone. */
  void seen(Entry now) {
    for (Held h : held.values()) {
      if (h.complete.equals(now.key)) {
        // our own events come back, too, some after a newer value was written
        boolean own = now.value != null && now.lease == id;
        if (!own && !(h.known && now.modRevision <= h.modRevision)) {
          doubt(h);
          flush();
        }
        return;
      }
    }
  }

  /** What a read of the followed range has of a held key, or null: not there. */
  void compare(String key, @Nullable Entry now, long revision) {
    Held h = held.get(key);
    if (h != null && h.known && h.written && h.modRevision <= revision) {
      if (now == null || now.modRevision != h.modRevision) {
        doubt(h);
        flush();
      }
    }
  }

  /** A held key that no event tells of is looked at. */
  void look(String key) {
    Held h = held.get(key);
    if (h != null && h.written) {
      h.known = false;
      h.doubts++;
      flush();
    }
  }

  private static void doubt(Held h) {
    h.known = false;
    h.written = false;
    h.doubts++;
  }

  @Override
  public void close() {
    loop.execute(() -> close(loop.now() + LAST_WORDS_NANOS));
  }

  /** Waits for what is being released, for a moment: its last words are to be heard. */
  private void close(long deadline) {
    boolean releasing = false;
    for (Held h : held.values()) {
      releasing |= h.released;
    }
    if (releasing && id != 0 && !closed && loop.now() - deadline < 0) {
      loop.schedule(() -> close(deadline), LAST_WORDS_NANOS / 20);
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

  /** The last words that are not written yet, as one transaction; null: there are none. */
  @Nullable Txn lastWords() {
    Txn txn = null;
    for (Map.Entry<String, Held> e : held.entrySet()) {
      Held h = e.getValue();
      if (h.released && h.lastWords != null && h.modRevision != 0 && id != 0) {
        txn = txn == null ? new Txn() : txn;
        txn.ifModRevision(e.getKey(), h.modRevision);
        txn.put(e.getKey(), h.lastWords, id);
      }
    }
    return txn;
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
              h.stood = false; // it went with its lease
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
    } else if (was.value == h.lastWords) {
      h.lastWords = null;
    } else {
      h.stood = lease == id && !h.released;
      h.written = h.stood && h.value == was.value && h.doubts == was.doubts;
    }
  }

  /** What was sent of a held key. */
  private static final class Sent {
    /** Null: it is deleted. */
    final byte @Nullable [] value;

    final int doubts;

    private Sent(byte @Nullable [] value, int doubts) {
      this.value = value;
      this.doubts = doubts;
    }

    static Sent of(Held h) {
      // there is nothing to say where nothing stands
      boolean words = h.lastWords != null && h.modRevision != 0;
      return new Sent(!h.released ? h.value : words ? h.lastWords : null, h.doubts);
    }
  }

  /**
   * A key that stood is not there, or another's. A lease that ran out takes its keys along, so etcd
   * is asked for the lease before anything is said.
   */
  private void gone(String key, Held h, @Nullable Entry instead) {
    h.stood = false;
    if (instead != null) {
      again(
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
              again(key, h, how);
            }
            flush();
          }
        });
  }

  /** It is written again: at once, and ever more slowly where that does not last. */
  private void again(String key, Held h, String how) {
    long now = loop.now();
    h.gones = h.gones > 0 && now - h.goneAt < QUIET_NANOS ? h.gones + 1 : 1;
    h.goneAt = now;
    long delay = h.gones == 1 ? 0 : Math.min(QUIET_NANOS, SECOND << Math.min(6, h.gones - 2));
    h.notBefore = now + delay;
    if (delay > 0) {
      loop.schedule(this::flush, delay);
    }
    listener.onRemoved(key, how);
  }

  private void look(final String key, final Held h) {
    busy = true;
    busySince = loop.now();
    final int doubts = h.doubts;
    calls.get(
        key,
        new EtcdClient.Answer<Entry>() {
          @Override
          public void ok(@Nullable Entry e) {
            busy = false;
            h.known = h.doubts == doubts;
            h.modRevision = e == null ? 0 : e.modRevision;
            boolean ours = e != null && e.lease == id;
            if (h.released && !ours) {
              held.remove(key); // gone, or another's by now
              flush();
              return;
            }
            h.written =
                e != null && ours && h.known && !h.released && Arrays.equals(e.value, h.value);
            if (h.written) {
              h.stood = true;
            } else if (h.known && h.stood && !ours) {
              gone(key, h, e);
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
