package io.weir.engine.decision;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.DecisionListener;
import io.weir.engine.call.Refusal;
import io.weir.engine.instances.Instance;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The last {@value #SIZE} decisions, for people who ask why.
 *
 * <p>How it works: a ring of rows, in two arrays that are allocated once. A decision takes the next
 * number, which determines its row. It marks the row as being written by a compare-and-set, writes
 * the row, and stores its number last. If the row is marked already (the ring was lapped while
 * another thread wrote), the decision is dropped and counted.
 *
 * <p>A reader reads the number, the row, and the number again. If both numbers are the same,
 * nothing was written in between: rows are written with release and read with acquire semantics, so
 * a reader that has seen any value of a newer decision also sees its mark.
 *
 * <p>So a decision takes no lock, waits for nobody and allocates nothing. Only refusals store
 * method and path, for which a library may have to make a string.
 *
 * <p>Any thread.
 */
public final class DecisionLog implements DecisionListener {
  /** Number of rows: a power of two. */
  public static final int SIZE = 1024;

  /** Columns of {@link #longs}. */
  private static final int LONGS = 4;

  private static final int STAMP = 0;
  private static final int AT = 1;
  private static final int RETRY = 2;
  private static final int INBOUND = 3;

  /** Columns of {@link #references}. */
  private static final int REFERENCES = 6;

  private static final int SERVICE = 0;
  private static final int REFUSAL = 1;
  private static final int INSTANCE = 2;
  private static final int ARM = 3;
  private static final int METHOD = 4;
  private static final int PATH = 5;

  /** Number of a row that is being written. */
  private static final long WRITING = -1;

  private static final int RADIX = 36;

  /** Longer paths are not stored: callers choose them. */
  private static final int MAX_PATH = 256;

  private final String prefix;
  private final boolean idsAreSent;
  private final AtomicLong last = new AtomicLong();
  private final AtomicLong dropped = new AtomicLong();
  private final AtomicLongArray longs = new AtomicLongArray(SIZE * LONGS);
  private final AtomicReferenceArray<Object> references =
      new AtomicReferenceArray<Object>(SIZE * REFERENCES);

  /** One decision. Immutable. */
  public static final class Decision {
    public final String id;

    /** Nano clock. */
    public final long at;

    public final boolean inbound;
    public final String service;

    /** Why the call was refused; null: it was admitted. */
    public final @Nullable Refusal refusal;

    /** Nanos until a retry may succeed, 0 when unknown. */
    public final long retryAfterNanos;

    /** The chosen instance; null when the call was refused. */
    public final @Nullable Instance instance;

    /** The arm by which the instance was chosen (see {@link CallDecision#arm}), or null. */
    public final @Nullable String arm;

    /** Method of a refused call; null when the call was admitted or has none. */
    public final @Nullable String method;

    /**
     * Path of a refused call, without query; null when the call was admitted, or the path is longer
     * than 256 characters.
     */
    public final @Nullable String path;

    private Decision(String id, long[] longs, Object[] references) {
      this.id = id;
      at = longs[AT];
      retryAfterNanos = longs[RETRY];
      inbound = longs[INBOUND] != 0;
      service = (String) references[SERVICE];
      refusal = (Refusal) references[REFUSAL];
      instance = (Instance) references[INSTANCE];
      arm = (String) references[ARM];
      method = (String) references[METHOD];
      path = (String) references[PATH];
    }
  }

  /**
   * @param prefix of every id, so that ids of two instances differ
   * @param idsAreSent whether refused callers get the id, in the header {@link Refusal#DECISION}
   */
  public DecisionLog(String prefix, boolean idsAreSent) {
    this.prefix = prefix + '-';
    this.idsAreSent = idsAreSent;
  }

  @Override
  public <C> @Nullable String decided(
      CallDecision decision,
      String service,
      boolean inbound,
      AttributeSource<C> source,
      C call,
      long now) {
    long n = last.incrementAndGet();
    int row = (int) (n & SIZE - 1);
    long before = longs.get(row * LONGS + STAMP);
    // another thread is writing the row, or has written a newer decision to it
    if (before == WRITING
        || before > n
        || !longs.compareAndSet(row * LONGS + STAMP, before, WRITING)) {
      dropped.incrementAndGet();
      return null;
    }
    Refusal refusal = decision.refusal();
    String path = null;
    String method = null;
    if (refusal != null) {
      try {
        path = source.path(call);
        method = source.method(call);
      } catch (RuntimeException unreadable) {
        // the decision is logged without them
      }
    }
    int firstLong = row * LONGS;
    longs.lazySet(firstLong + AT, now);
    longs.lazySet(firstLong + RETRY, decision.retryAfterNanos());
    longs.lazySet(firstLong + INBOUND, inbound ? 1 : 0);
    int firstReference = row * REFERENCES;
    references.lazySet(firstReference + SERVICE, service);
    references.lazySet(firstReference + REFUSAL, refusal);
    references.lazySet(firstReference + INSTANCE, refusal == null ? decision.instance() : null);
    references.lazySet(firstReference + ARM, refusal == null ? decision.arm() : null);
    references.lazySet(firstReference + METHOD, method);
    references.lazySet(
        firstReference + PATH, path == null || path.length() > MAX_PATH ? null : path);
    longs.lazySet(firstLong + STAMP, n);
    return idsAreSent && refusal != null ? id(n) : null;
  }

  private String id(long n) {
    return prefix + Long.toString(n, RADIX);
  }

  /**
   * The decision with this id; null when the id is not from this log, or the decision is no longer
   * here.
   */
  public @Nullable Decision find(String id) {
    if (!id.startsWith(prefix)) {
      return null;
    }
    try {
      return read(Long.parseLong(id.substring(prefix.length()), RADIX));
    } catch (NumberFormatException noneOfOurs) {
      return null;
    }
  }

  /** The decisions that are still here, newest first. */
  public List<Decision> newest(int most) {
    List<Decision> all = new ArrayList<Decision>();
    long n = last.get();
    for (int i = 0; i < SIZE && n - i > 0 && all.size() < most; i++) {
      Decision d = read(n - i);
      if (d != null) {
        all.add(d);
      }
    }
    return all;
  }

  /** Decision number {@code n}, or null when it is not in the ring. */
  private @Nullable Decision read(long n) {
    if (n <= 0) {
      return null;
    }
    int row = (int) (n & SIZE - 1);
    if (longs.get(row * LONGS + STAMP) != n) {
      return null;
    }
    long[] values = new long[LONGS];
    for (int i = 1; i < LONGS; i++) {
      values[i] = longs.get(row * LONGS + i);
    }
    Object[] objects = new Object[REFERENCES];
    for (int i = 0; i < REFERENCES; i++) {
      objects[i] = references.get(row * REFERENCES + i);
    }
    return longs.get(row * LONGS + STAMP) == n ? new Decision(id(n), values, objects) : null;
  }

  /** Decisions made so far. */
  public long count() {
    return last.get();
  }

  /** How many of them were dropped because their row was being written. */
  public long dropped() {
    return dropped.get();
  }
}
