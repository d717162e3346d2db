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
 * Transactions and leases, by whatever client the store has at the moment. Nothing is repeated:
 * what was not answered is told so, and who asked decides.
 *
 * <p>On the loop only, except {@link #lease}.
 */
final class EtcdCalls {
  /** How etcd can be reached, asked on the loop. */
  interface Way {
    /** Null: not now, or no more. */
    @Nullable EtcdClient wire();

    /** Whether the client has proved to be connected. */
    boolean connected();

    /** A lease holds this key from now on. */
    void holds(String key);
  }

  private static final int MOST_DENIED = 50;
  private static final long LAST_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final Loop loop;
  private final Log log;
  private final KeySpace keys;
  private final BoundedAnswers answers;
  private final Way way;
  private final List<EtcdLease> leases = new ArrayList<EtcdLease>();

  /** Answers to revocations still to come; the connection is not closed under them. */
  private final List<CountDownLatch> revoking = new ArrayList<CountDownLatch>();

  /** Where writing is denied, as far as it was said. */
  private final Set<String> denied = new HashSet<String>();

  private boolean ended;

  EtcdCalls(Loop loop, Log log, KeySpace keys, BoundedAnswers answers, Way way) {
    this.loop = loop;
    this.log = log;
    this.keys = keys;
    this.answers = answers;
    this.way = way;
  }

  void txn(Txn txn, Txn.Done done) {
    EtcdClient wire = way.wire();
    if (wire == null) {
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
    answers.ask(answer, a -> wire.txn(keys.complete(txn), a));
  }

  /** Whoever asked goes on without it; a person has to know. */
  private void denied(Txn txn, EtcdCallException e) {
    if (txn.writes().isEmpty() || denied.size() >= MOST_DENIED) {
      return;
    }
    String key = txn.writes().get(0).key;
    int end = key.indexOf('/', key.indexOf('/', 1) + 1);
    String place = end < 0 ? key : key.substring(0, end + 1);
    if (denied.add(place)) {
      log.warn(
          "weir: etcd does not let this user write "
              + place
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

  /** With its namespace. */
  String complete(String key) {
    return keys.complete(key);
  }

  /** A lease holds this key from now on. */
  void holds(String key) {
    way.holds(key);
  }

  /** Keys that leases hold. */
  Set<String> held() {
    Set<String> all = new TreeSet<String>();
    for (EtcdLease lease : leases) {
      all.addAll(lease.held());
    }
    return all;
  }

  /** Events of a watch: some may be about keys that are held. Entries are complete. */
  void seen(List<Entry> events) {
    for (Entry e : events) {
      for (int i = 0; i < leases.size(); i++) {
        leases.get(i).seen(e);
      }
    }
  }

  /** All that is followed was read. */
  void read(FollowedKeys view) {
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      for (String key : lease.held()) {
        // of registrations that are left out nothing is known
        if (keys.follows(key) && !(view.partial() && view.get(key) == null)) {
          lease.compare(key, view.get(key), view.revision());
        }
      }
    }
  }

  /** A key that is held may have gone. */
  void look(String key) {
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      lease.look(key);
    }
  }

  /** The lease is over. */
  void forget(EtcdLease lease) {
    leases.remove(lease);
  }

  /** etcd is reached again: no lease need wait for its next try. */
  void connected() {
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      lease.connected();
    }
  }

  /** Has every lease look whether its keys are still what it wrote. */
  void check() {
    for (EtcdLease lease : new ArrayList<EtcdLease>(leases)) {
      lease.check();
    }
  }

  void grant(int ttlSeconds, EtcdClient.Answer<Long> answer) {
    EtcdClient wire = wire(answer);
    if (wire != null) {
      answers.ask(answer, a -> wire.grant(ttlSeconds, a));
    }
  }

  void keepAlive(long id, EtcdClient.Answer<Long> answer) {
    EtcdClient wire = wire(answer);
    if (wire != null) {
      answers.ask(answer, a -> wire.keepAlive(id, a));
    }
  }

  void revoke(long id) {
    EtcdClient wire = way.wire();
    if (wire != null && way.connected()) {
      CountDownLatch answered = new CountDownLatch(1);
      revoking.removeIf(r -> r.getCount() == 0);
      revoking.add(answered);
      wire.revoke(id, counting(answered));
    }
  }

  /** Answers the entry, or null when there is none. */
  @SuppressWarnings("NullAway") // the one answer that may be null
  void get(String key, EtcdClient.Answer<Entry> answer) {
    EtcdClient wire = wire(answer);
    if (wire == null) {
      return;
    }
    String complete = keys.complete(key);
    answers.ask(
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
        a -> wire.range(complete, complete + "\0", 1, 0, false, a));
  }

  /** Ends the leases, and waits for etcd to say so: the loop's last task. */
  void end() {
    ended = true;
    EtcdClient last = way.connected() ? way.wire() : null;
    sayLastWords(last);
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
      // the only wait on the loop: keys under a lease should go at once
      long deadline = System.nanoTime() + LAST_NANOS;
      revoked.await(LAST_NANOS, TimeUnit.NANOSECONDS);
      if (way.wire() != null) {
        for (CountDownLatch earlier : revoking) {
          earlier.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Before the leases are revoked, and every key goes without a word. */
  private void sayLastWords(@Nullable EtcdClient last) {
    List<Txn> words = new ArrayList<Txn>();
    for (EtcdLease lease : leases) {
      Txn txn = lease.lastWords();
      if (txn != null) {
        words.add(keys.complete(txn));
      }
    }
    if (last == null || words.isEmpty()) {
      return;
    }
    CountDownLatch said = new CountDownLatch(words.size());
    for (Txn txn : words) {
      last.txn(txn, counting(said));
    }
    try {
      said.await(LAST_NANOS / 4, TimeUnit.NANOSECONDS);
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

  /** Null: told the answer so. */
  private @Nullable EtcdClient wire(EtcdClient.Answer<?> answer) {
    EtcdClient wire = way.wire();
    if (wire == null) {
      answer.failed(new EtcdCallException(EtcdCallException.Kind.UNAVAILABLE, "not connected"));
    }
    return wire;
  }
}
