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
 * <p>How it works: a ring of rows in two arrays made beforehand. A decision takes the next number,
 * which says its row, marks the row as being written by a compare-and-set, writes it, and puts its
 * number there last. A reader takes the number, the row and the number again; only when both are
 * the same was nothing written in between: rows are written with release and read with acquire
 * semantics, so a reader that saw anything of a newer decision sees at least its mark. A decision
 * that finds its row marked (the ring was lapped while somebody wrote) is dropped and counted.
 *
 * <p>So deciding takes no lock, waits for nobody and allocates nothing; refusals remember method
 * and path, for which a library may have to make a string.
 *
 * <p>Any thread.
 */
public final class DecisionLog implements DecisionListener {
  /** A power of two. */
  public static final int SIZE = 1024;

  private static final int LONGS = 4;
  private static final int STAMP = 0;
  private static final int AT = 1;
  private static final int RETRY = 2;
  private static final int INBOUND = 3;

  private static final int REFERENCES = 6;
  private static final int SERVICE = 0;
  private static final int REFUSAL = 1;
  private static final int INSTANCE = 2;
  private static final int ARM = 3;
  private static final int METHOD = 4;
  private static final int PATH = 5;

  private static final long WRITING = -1;
  private static final int RADIX = 36;

  /** Longer paths are not kept: callers choose them. */
  private static final int MAX_PATH = 256;

  private final String prefix;
  private final boolean named;
  private final AtomicLong last = new AtomicLong();
  private final AtomicLong dropped = new AtomicLong();
  private final AtomicLongArray longs = new AtomicLongArray(SIZE * LONGS);
  private final AtomicReferenceArray<Object> references =
      new AtomicReferenceArray<Object>(SIZE * REFERENCES);

  /** One of them. Immutable. */
  public static final class Decision {
    public final String id;

    /** Nano clock. */
    public final long at;

    public final boolean inbound;
    public final String service;

    /** Null: the call was let through. */
    public final @Nullable Refusal refusal;

    /** Nanos until a retry may succeed, 0 when unknown. */
    public final long retryAfterNanos;

    /** The instance chosen, or null. */
    public final @Nullable Instance instance;

    /** The arm of the rule, or null. */
    public final @Nullable String arm;

    /** Of a refused call, or null. */
    public final @Nullable String method;

    /** Of a refused call, without query; null when it is longer than 256 characters. */
    public final @Nullable String path;

    private Decision(String id, long[] l, Object[] r) {
      this.id = id;
      at = l[AT];
      retryAfterNanos = l[RETRY];
      inbound = l[INBOUND] != 0;
      service = (String) r[SERVICE];
      refusal = (Refusal) r[REFUSAL];
      instance = (Instance) r[INSTANCE];
      arm = (String) r[ARM];
      method = (String) r[METHOD];
      path = (String) r[PATH];
    }
  }

  /**
   * @param prefix of every id, so that those of two instances differ
   * @param named refused callers are told the id, in the header {@link Refusal#DECISION}
   */
  public DecisionLog(String prefix, boolean named) {
    this.prefix = prefix + '-';
    this.named = named;
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
        // the decision stands all the same
      }
    }
    int l = row * LONGS;
    longs.lazySet(l + AT, now);
    longs.lazySet(l + RETRY, decision.retryAfterNanos());
    longs.lazySet(l + INBOUND, inbound ? 1 : 0);
    int r = row * REFERENCES;
    references.lazySet(r + SERVICE, service);
    references.lazySet(r + REFUSAL, refusal);
    references.lazySet(r + INSTANCE, refusal == null ? decision.instance() : null);
    references.lazySet(r + ARM, refusal == null ? decision.arm() : null);
    references.lazySet(r + METHOD, method);
    references.lazySet(r + PATH, path == null || path.length() > MAX_PATH ? null : path);
    longs.lazySet(l + STAMP, n);
    return named && refusal != null ? id(n) : null;
  }

  private String id(long n) {
    return prefix + Long.toString(n, RADIX);
  }

  /** The decision of this id, or null: it is none of ours, or no longer here. */
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

  /** Those still here, newest first. */
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

  private @Nullable Decision read(long n) {
    if (n <= 0) {
      return null;
    }
    int row = (int) (n & SIZE - 1);
    if (longs.get(row * LONGS + STAMP) != n) {
      return null;
    }
    long[] l = new long[LONGS];
    for (int i = 1; i < LONGS; i++) {
      l[i] = longs.get(row * LONGS + i);
    }
    Object[] r = new Object[REFERENCES];
    for (int i = 0; i < REFERENCES; i++) {
      r[i] = references.get(row * REFERENCES + i);
    }
    return longs.get(row * LONGS + STAMP) == n ? new Decision(id(n), l, r) : null;
  }

  /** Decisions made so far. */
  public long count() {
    return last.get();
  }

  /** Of those, the ones that found no room. */
  public long dropped() {
    return dropped.get();
  }
}
