package io.weir.control.etcd;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.store.Entry;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.Txn;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Sends transactions and keeps leases, by the client that the store has at the moment. Nothing is
 * sent twice: a call without an answer fails, and its caller decides.
 *
 * <p>On the loop only, except {@link #lease}.
 */
final class EtcdCalls {
  /** The store's connection to etcd. Its methods are called on the loop. */
  interface Connection {
    /** The current client; null when there is none. */
    @Nullable EtcdClient client();

    /** Whether the store is connected by this client. */
    boolean connected();

    /** Is called when a lease begins to hold a key. */
    void onHold(String key);
  }

  private static final int MOST_DENIED = 50;
  private static final long END_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final Loop loop;
  private final Log log;
  private final KeySpace keys;
  private final BoundedAnswers answers;
  private final Connection connection;
  private final List<EtcdLease> leases = new ArrayList<EtcdLease>();

  /** Revocations without an answer yet; the connection is not closed before they have one. */
  private final List<CountDownLatch> revoking = new ArrayList<CountDownLatch>();

  /** The prefixes for which a missing permission was logged. */
  private final Set<String> denied = new HashSet<String>();

  private boolean ended;

  EtcdCalls(Loop loop, Log log, KeySpace keys, BoundedAnswers answers, Connection connection) {
    this.loop = loop;
    this.log = log;
    this.keys = keys;
    this.answers = answers;
    this.connection = connection;
  }

  void txn(Txn txn, Txn.Done done) {
    EtcdClient client = connection.client();
    if (client == null) {
      done.done(new Txn.Outcome(Txn.Outcome.Kind.UNKNOWN, 0, "not connected"));
      return;
    }
    EtcdClient.Answer<Txn.Outcome> answer =
        new EtcdClient.Answer<Txn.Outcome>() {
          @Override
          public void ok(Txn.Outcome outcome) {
            done.done(outcome);
          }

          @Override
          public void failed(EtcdCallException e) {
            if (e.kind == EtcdCallException.Kind.PERMISSION) {
              denied(txn, e);
            }
            done.done(new Txn.Outcome(Txn.Outcome.Kind.UNKNOWN, 0, e.text()));
          }
        };
    answers.request(answer, a -> client.txn(keys.complete(txn), a));
  }

  /** Logs that this user may not write these keys. */
  private void denied(Txn txn, EtcdCallException e) {
    if (txn.writes().isEmpty() || denied.size() >= MOST_DENIED) {
      return;
    }
    String key = txn.writes().get(0).key;
    int end = key.indexOf('/', key.indexOf('/', 1) + 1);
    String prefix = end < 0 ? key : key.substring(0, end + 1);
    if (denied.add(prefix)) {
      log.warn(
          "weir: etcd does not let this user write "
              + prefix
              + " ("
              + e.text()
              + "); grant it as weir role says");
    }
  }

  /** Any thread. */
  LeaseSession lease(int ttlSeconds, LeaseSession.Listener l) {
    final EtcdLease lease = new EtcdLease(this, loop, ttlSeconds, l);
    loop.execute(
        () -> {
          if (!ended) {
            leases.add(lease);
            lease.begin();
          }
        });
    return lease;
  }

  /** The key with its namespace. */
  String complete(String key) {
    return keys.complete(key);
  }

  /** A lease begins to hold this key. */
  void onHold(String key) {
    connection.onHold(key);
  }

  /** The keys that leases hold. */
  Set<String> held() {
    Set<String> all = new TreeSet<String>();
    for (EtcdLease lease : leases) {
      all.addAll(lease.held());
    }
    return all;
  }

  /** Hands a watch's events to the leases, for the keys that they hold. Keys are complete. */
  void onEvents(List<Entry> events) {
    for (Entry e : events) {
      for (int i = 0; i < leases.size(); i++) {
        leases.get(i).onEvent(e);
      }
    }
  }

  /** The whole range was read: the leases compare the keys that they hold. */
  void onRead(FollowedKeys view) {
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      for (String key : lease.held()) {
        // a registration that was left out of the view may well be in etcd
        if (keys.follows(key) && !(view.isPartial() && view.get(key) == null)) {
          lease.compare(key, view.get(key), view.revision());
        }
      }
    }
  }

  /** A held key may have been deleted: its lease reads it. */
  void reread(String key) {
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      lease.mustReread(key);
    }
  }

  /** The lease was closed. */
  void forget(EtcdLease lease) {
    leases.remove(lease);
  }

  /** etcd is reachable again: leases need not wait for their next attempt. */
  void connected() {
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      lease.connected();
    }
  }

  /** Lets every lease read whether its keys are still what it wrote. */
  void check() {
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      lease.check();
    }
  }

  void grant(int ttlSeconds, EtcdClient.Answer<Long> answer) {
    EtcdClient client = client(answer);
    if (client != null) {
      answers.request(answer, a -> client.grant(ttlSeconds, a));
    }
  }

  void keepAlive(long id, EtcdClient.Answer<Long> answer) {
    EtcdClient client = client(answer);
    if (client != null) {
      answers.request(answer, a -> client.keepAlive(id, a));
    }
  }

  void revoke(long id) {
    EtcdClient client = connection.client();
    if (client != null && connection.connected()) {
      CountDownLatch answered = new CountDownLatch(1);
      revoking.removeIf(r -> r.getCount() == 0);
      revoking.add(answered);
      client.revoke(id, counting(answered));
    }
  }

  /** Reads a key; the answer is null when it does not exist. */
  @SuppressWarnings("NullAway") // the only answer that may be null
  void get(String key, EtcdClient.Answer<Entry> answer) {
    EtcdClient client = client(answer);
    if (client == null) {
      return;
    }
    String complete = keys.complete(key);
    answers.request(
        new EtcdClient.Answer<EtcdClient.Page>() {
          @Override
          public void ok(EtcdClient.Page p) {
            answer.ok(p.entries.isEmpty() ? null : p.entries.get(0));
          }

          @Override
          public void failed(EtcdCallException e) {
            answer.failed(e);
          }
        },
        a -> client.range(complete, complete + "\0", 1, 0, false, a));
  }

  /**
   * Revokes the leases and waits for the answers. This is the loop's last task, so it may block.
   */
  void end() {
    ended = true;
    EtcdClient last = connection.connected() ? connection.client() : null;
    writeFinalValues(last);
    CountDownLatch revoked = new CountDownLatch(leases.size());
    for (EtcdLease lease : leases) {
      long id = lease.end();
      if (id == 0 || last == null) {
        revoked.countDown();
      } else {
        last.revoke(id, counting(revoked));
      }
    }
    leases.clear();
    try {
      // wait, so that the keys under the leases are deleted before the process exits
      long deadline = System.nanoTime() + END_NANOS;
      revoked.await(END_NANOS, TimeUnit.NANOSECONDS);
      if (connection.client() != null) {
        for (CountDownLatch earlier : revoking) {
          earlier.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Writes the final values that are not written yet: revoking the leases deletes the keys.
   *
   * @param last null: not connected
   */
  private void writeFinalValues(@Nullable EtcdClient last) {
    List<Txn> txns = new ArrayList<Txn>();
    for (EtcdLease lease : leases) {
      Txn txn = lease.finalValues();
      if (txn != null) {
        txns.add(keys.complete(txn));
      }
    }
    if (last == null || txns.isEmpty()) {
      return;
    }
    CountDownLatch written = new CountDownLatch(txns.size());
    for (Txn txn : txns) {
      last.txn(txn, counting(written));
    }
    try {
      written.await(END_NANOS / 4, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static <T> EtcdClient.Answer<T> counting(CountDownLatch latch) {
    return new EtcdClient.Answer<T>() {
      @Override
      public void ok(@Nullable T value) {
        latch.countDown();
      }

      @Override
      public void failed(EtcdCallException e) {
        latch.countDown();
      }
    };
  }

  /** The client; null when there is none: then the answer has failed. */
  private @Nullable EtcdClient client(EtcdClient.Answer<?> answer) {
    EtcdClient client = connection.client();
    if (client == null) {
      answer.failed(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "not connected"));
    }
    return client;
  }
}
