package io.weir.control.fleet;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A transaction the machine wants sent, as a value: all comparisons hold and all writes happen, or
 * none does. Keys are relative to the target ({@code epoch}, {@code votes/a}). Immutable.
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

  /** What a write hangs on. */
  enum Lease {
    NONE,
    /** The instance's own, kept alive: goes when the instance does. */
    SESSION,
    /** A fresh one that nobody renews: goes when its time is over. */
    EXPIRING
  }

  /** The key was last written at this revision; 0: it does not exist. */
  static final class Compare {
    final String key;
    final long modRevision;

    Compare(String key, long modRevision) {
      this.key = key;
      this.modRevision = modRevision;
    }
  }

  /** A put, or with a null value a delete. */
  static final class Write {
    final String key;

    /** A {@link FleetEpoch}, {@link Vote}, {@link Objection}, {@link PublishedState} or String. */
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

  /** Of the {@link Lease#EXPIRING} lease, 0 when there is none. */
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
