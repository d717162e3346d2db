package io.weir.control.store;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A compare-and-set transaction over several keys: all comparisons hold and all writes happen, at
 * one revision, or nothing is written. A plain put does not exist on purpose: one that timed out
 * here may still be applied later, over a newer value. Build on one thread; immutable once sent.
 */
public final class Txn {
  /** {@code modRevision} 0 means: the key does not exist. */
  public static final class Compare {
    public final String key;
    public final long modRevision;

    Compare(String key, long modRevision) {
      this.key = key;
      this.modRevision = modRevision;
    }
  }

  /** A put, or with a null value a delete. */
  public static final class Write {
    public final String key;
    public final byte @Nullable [] value;

    /** 0: hangs on no lease. A put without the lease detaches a key from the one it had. */
    public final long lease;

    Write(String key, byte @Nullable [] value, long lease) {
      this.key = key;
      this.value = value;
      this.lease = lease;
    }
  }

  private final List<Compare> compares = new ArrayList<Compare>();
  private final List<Write> writes = new ArrayList<Write>();

  /** The key was last written at this revision; 0: it does not exist. */
  public Txn ifModRevision(String key, long modRevision) {
    compares.add(new Compare(key, modRevision));
    return this;
  }

  public Txn ifAbsent(String key) {
    return ifModRevision(key, 0);
  }

  public Txn put(String key, byte @Nullable [] value, long lease) {
    writes.add(new Write(key, value, lease));
    return this;
  }

  public Txn put(String key, String value, long lease) {
    return put(key, value.getBytes(java.nio.charset.StandardCharsets.UTF_8), lease);
  }

  public Txn delete(String key) {
    writes.add(new Write(key, null, 0));
    return this;
  }

  public List<Compare> compares() {
    return Collections.unmodifiableList(compares);
  }

  public List<Write> writes() {
    return Collections.unmodifiableList(writes);
  }

  /** How a transaction ended. Immutable. */
  public static final class Outcome {
    public enum Kind {
      /** Written, all of it. */
      DONE,
      /** A comparison did not hold; nothing was written. */
      CONFLICT,
      /** Not known: it may have been applied. Read again before deciding anything. */
      UNKNOWN
    }

    public final Kind kind;

    /** The store's revision when DONE or CONFLICT, else 0. */
    public final long revision;

    /** Why UNKNOWN, for a human; else empty. */
    public final String reason;

    public Outcome(Kind kind, long revision, String reason) {
      this.kind = kind;
      this.revision = revision;
      this.reason = reason;
    }

    @Override
    public String toString() {
      return kind + (reason.isEmpty() ? "@" + revision : " (" + reason + ")");
    }
  }

  /** Told on the control loop, exactly once. */
  public interface Done {
    void done(Outcome outcome);
  }
}
