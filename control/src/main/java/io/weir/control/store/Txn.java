package io.weir.control.store;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A compare-and-set transaction over several keys: if all comparisons hold, all writes are applied
 * at one revision, else none. There is no plain put on purpose: a put that timed out here may still
 * be applied later and overwrite a newer value.
 *
 * <p>Build it on one thread, and do not change it after it was sent.
 */
public final class Txn {
  /** The condition that a key was last written at {@code modRevision}; 0: that it is absent. */
  public static final class Compare {
    public final String key;
    public final long modRevision;

    Compare(String key, long modRevision) {
      this.key = key;
      this.modRevision = modRevision;
    }
  }

  /** A put or a delete. */
  public static final class Write {
    public final String key;

    /** Null: the key is deleted. */
    public final byte @Nullable [] value;

    /** 0: no lease. Such a put also detaches the key from the lease it had. */
    public final long lease;

    Write(String key, byte @Nullable [] value, long lease) {
      this.key = key;
      this.value = value;
      this.lease = lease;
    }
  }

  private final List<Compare> compares = new ArrayList<Compare>();
  private final List<Write> writes = new ArrayList<Write>();

  /** Adds the condition that the key was last written at this revision; 0: that it is absent. */
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
      /** Everything was written. */
      DONE,
      /** A comparison did not hold; nothing was written. */
      CONFLICT,
      /** No answer: the transaction may or may not be applied. Read before deciding anything. */
      UNKNOWN
    }

    public final Kind kind;

    /** The store's revision for DONE and CONFLICT, else 0. */
    public final long revision;

    /** The reason of UNKNOWN, for people; else empty. */
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

  /** Called on the control loop, exactly once. */
  public interface Done {
    void done(Outcome outcome);
  }
}
