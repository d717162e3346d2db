package io.weir.control.fleet;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A transaction that the machine wants to be sent: if all comparisons hold, all writes are applied,
 * else none. Keys are relative to the target ({@code epoch}, {@code votes/a}). Immutable.
 */
final class FleetTransaction {
  /** Which transition of the protocol this is. */
  enum Kind {
    OPEN,
    CAMPAIGN,
    CLOSE,
    REOPEN,
    TAKE_OVER,
    LET_GO,
    VOTE,
    WITHDRAW,
    OBJECT,
    CONCEDE
  }

  /** The lease of a write. */
  enum Lease {
    NONE,
    /** The instance's lease, which is renewed: the key is deleted when the instance ends. */
    SESSION,
    /** A new lease that nobody renews: the key is deleted when {@link #ttlSeconds} are over. */
    EXPIRING
  }

  /** The condition that a key was last written at this revision; 0: that it is absent. */
  static final class Compare {
    final String key;
    final long modRevision;

    Compare(String key, long modRevision) {
      this.key = key;
      this.modRevision = modRevision;
    }
  }

  /** A put or a delete. */
  static final class Write {
    final String key;

    /**
     * A {@link FleetEpoch}, {@link Vote}, {@link Objection}, {@link PublishedState} or String;
     * null: the key is deleted.
     */
    final @Nullable Object value;

    final Lease lease;

    Write(String key, @Nullable Object value, Lease lease) {
      this.key = key;
      this.value = value;
      this.lease = lease;
    }
  }

  final Kind kind;
  final List<Compare> compares;
  final List<Write> writes;

  /** The time of the {@link Lease#EXPIRING} lease; 0: there is none. */
  final int ttlSeconds;

  private FleetTransaction(Kind kind, List<Compare> compares, List<Write> writes, int ttlSeconds) {
    this.kind = kind;
    this.compares = Collections.unmodifiableList(compares);
    this.writes = Collections.unmodifiableList(writes);
    this.ttlSeconds = ttlSeconds;
  }

  static Builder of(Kind kind) {
    return new Builder(kind);
  }

  @Override
  public String toString() {
    StringBuilder s = new StringBuilder(kind.toString());
    for (Compare c : compares) {
      s.append(' ').append(c.key).append('@').append(c.modRevision);
    }
    for (Write w : writes) {
      s.append(w.value == null ? " -" : " +").append(w.key);
    }
    return s.toString();
  }

  /** Single-threaded. */
  static final class Builder {
    private final Kind kind;
    private final List<Compare> compares = new ArrayList<Compare>();
    private final List<Write> writes = new ArrayList<Write>();
    private int ttlSeconds;

    private Builder(Kind kind) {
      this.kind = kind;
    }

    Builder when(String key, long modRevision) {
      compares.add(new Compare(key, modRevision));
      return this;
    }

    Builder put(String key, Object value) {
      writes.add(new Write(key, value, Lease.NONE));
      return this;
    }

    Builder putForSession(String key, Object value) {
      writes.add(new Write(key, value, Lease.SESSION));
      return this;
    }

    Builder putFor(int seconds, String key, Object value) {
      ttlSeconds = seconds;
      writes.add(new Write(key, value, Lease.EXPIRING));
      return this;
    }

    Builder delete(String key) {
      writes.add(new Write(key, null, Lease.NONE));
      return this;
    }

    FleetTransaction build() {
      return new FleetTransaction(kind, compares, writes, ttlSeconds);
    }
  }
}
