package io.weir.control.fleet;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What of etcd the protocol rests on: revisions, transactions, leases, a log to watch. */
final class SimEtcd {
  /** A key as it is. */
  record Cell(Object value, long mod, long lease) {}

  /** One revision: key to cell, null for deleted. */
  record Commit(long revision, Map<String, Cell> changes) {}

  long revision = 1;
  final TreeMap<String, Cell> keys;
  final List<Commit> log;
  private final Set<Long> leases;
  private long nextLease;

  SimEtcd() {
    keys = new TreeMap<>();
    log = new ArrayList<>();
    leases = new HashSet<>();
    nextLease = 1;
  }

  private SimEtcd(SimEtcd other, List<Commit> log) {
    revision = other.revision;
    keys = new TreeMap<>(other.keys);
    this.log = log;
    leases = new HashSet<>(other.leases);
    nextLease = other.nextLease;
  }

  /** A copy for those who watch nothing. */
  SimEtcd withoutHistory() {
    return new SimEtcd(this, new ArrayList<>(1));
  }

  /** Forgets leases that nothing hangs on. */
  void forgetLeasesBut(Set<Long> needed) {
    leases.removeIf(
        l -> {
          for (Cell c : keys.values()) {
            if (c.lease == l) {
              return false;
            }
          }
          return !needed.contains(l);
        });
  }

  long grant() {
    leases.add(nextLease);
    return nextLease++;
  }

  boolean leaseLives(long lease) {
    return leases.contains(lease);
  }

  /** Deletes what hangs on it, in one revision. */
  void expire(long lease) {
    if (!leases.remove(lease)) {
      return;
    }
    Map<String, Cell> changes = new TreeMap<>();
    keys.forEach(
        (k, c) -> {
          if (c.lease == lease) {
            changes.put(k, null);
          }
        });
    commit(changes);
  }

  long mod(String key) {
    Cell c = keys.get(key);
    return c == null ? 0 : c.mod;
  }

  boolean holds(FleetTransaction m) {
    return m.compares.stream().allMatch(c -> mod(c.key) == c.modRevision);
  }

  /** Whether all leases the move names still live; etcd refuses the transaction else. */
  boolean leasesLive(FleetTransaction m, long session, long expiring) {
    for (FleetTransaction.Write w : m.writes) {
      long l = leaseOf(w, session, expiring);
      if (l != 0 && !leases.contains(l)) {
        return false;
      }
    }
    return true;
  }

  private static long leaseOf(FleetTransaction.Write w, long session, long expiring) {
    return switch (w.lease) {
      case NONE -> 0;
      case SESSION -> session;
      case EXPIRING -> expiring;
    };
  }

  void write(FleetTransaction m, long session, long expiring) {
    Map<String, Cell> changes = new TreeMap<>();
    for (FleetTransaction.Write w : m.writes) {
      if (w.value != null) {
        changes.put(w.key, new Cell(w.value, revision + 1, leaseOf(w, session, expiring)));
      } else if (keys.containsKey(w.key)) {
        changes.put(w.key, null);
      }
    }
    commit(changes);
  }

  void put(String key, Object value) {
    Map<String, Cell> changes = new TreeMap<>();
    changes.put(key, value == null ? null : new Cell(value, revision + 1, 0));
    commit(changes);
  }

  private void commit(Map<String, Cell> changes) {
    if (changes.isEmpty()) {
      return;
    }
    revision++;
    changes.forEach(
        (k, c) -> {
          if (c == null) {
            keys.remove(k);
          } else {
            keys.put(k, c);
          }
        });
    log.add(new Commit(revision, changes));
  }

  FleetEpoch fence() {
    Cell c = keys.get(FleetMachine.EPOCH);
    return c == null ? FleetEpoch.NONE : (FleetEpoch) c.value;
  }

  String prober() {
    Cell c = keys.get(FleetMachine.PROBE);
    return c == null ? null : (String) c.value;
  }
}
