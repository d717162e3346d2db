package io.weir.engine.instances;

import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Counts how often instances of one version and region were chosen, by arm and by reason. An arm is
 * one destination of a routing rule: one entry of its {@code to} or {@code default} list. Arms are
 * numbered when rules are built. The counters outlive instances and rules.
 *
 * <p>A call increments one counter, that of its arm and reason. Totals per arm or per reason are
 * sums.
 *
 * <p>How it works: a counter has an index. If an arm chose, it is the number of the arm times the
 * number of reasons, plus the reason: an index of {@link #byArm}. If no arm chose, it is {@code
 * ~reason}, which is negative, and the reason is an index of {@link #withoutArm}. Most calls to an
 * instance have the same index, so an instance counts those in a {@link LocalCounter} of its own.
 *
 * <p>Threads: any, except {@link #addArm}, which belongs to the thread that builds the rules in
 * force.
 */
public final class SelectionCounters {
  /** Why an instance was chosen. */
  public enum Reason {
    /** A route of the rule matched. */
    ROUTE,
    /** No route matched, so the default of the rule applied. */
    DEFAULT,
    /** The intended destination has no live instance. */
    FALLBACK,
    /** The traffic colour of the call selected it. */
    COLOUR,
    /** There is no rule: any instance without a {@code canary} label. */
    ANY
  }

  /**
   * A counter for one index that an instance keeps. Its count is moved here before totals are read.
   */
  interface LocalCounter {
    /** Adds the local count to these counters and sets it to zero. */
    void move();
  }

  private static final int REASONS = Reason.values().length;

  private final @Nullable String version;
  private final @Nullable String region;

  /** Calls that no arm chose, by reason. */
  private final LongAdder[] withoutArm = adders();

  /**
   * Calls that an arm chose, by index. One array, so that a call reads only one. Elements are null
   * for arms without such an instance, as most are. A longer array may replace it, never a shorter
   * one.
   */
  private volatile @Nullable LongAdder[] byArm = new LongAdder[0];

  private final Queue<LocalCounter> localCounters = new ConcurrentLinkedQueue<LocalCounter>();

  /**
   * @param version or null
   * @param region or null
   */
  public SelectionCounters(@Nullable String version, @Nullable String region) {
    this.version = version;
    this.region = region;
  }

  private static LongAdder[] adders() {
    LongAdder[] all = new LongAdder[REASONS];
    for (int i = 0; i < all.length; i++) {
      all[i] = new LongAdder();
    }
    return all;
  }

  /** Makes the counters of an arm, before the arm can choose. */
  void addArm(int arm) {
    LongAdder[] all = byArm;
    int first = arm * REASONS;
    if (first >= all.length || all[first] == null) {
      all = Arrays.copyOf(all, Math.max(all.length, first + REASONS));
      System.arraycopy(adders(), 0, all, first, REASONS);
      byArm = all;
    }
  }

  public @Nullable String version() {
    return version;
  }

  public @Nullable String region() {
    return region;
  }

  /** The index for calls that no arm chose. */
  static int index(Reason why) {
    return ~why.ordinal();
  }

  /** The index for calls that this arm chose. */
  static int index(Reason why, int arm) {
    return arm * REASONS + why.ordinal();
  }

  /**
   * Adds calls. If the arm of the index has no counters here, the calls are counted as chosen by no
   * arm: they were still on their way through the router of a rule that has been removed.
   */
  void add(int index, long calls) {
    LongAdder[] all = byArm;
    LongAdder counter = index >= 0 && index < all.length ? all[index] : null;
    if (counter == null) {
      counter = withoutArm[index < 0 ? ~index : index % REASONS];
    }
    counter.add(calls);
  }

  void addLocal(LocalCounter local) {
    localCounters.add(local);
  }

  void removeLocal(LocalCounter local) {
    localCounters.remove(local);
  }

  private void moveLocal() {
    for (LocalCounter r : localCounters) {
      r.move();
    }
  }

  /** How many calls were chosen for this reason, by any arm or none. */
  public long chosen(Reason why) {
    moveLocal();
    long sum = withoutArm[why.ordinal()].sum();
    LongAdder[] all = byArm;
    for (int index = why.ordinal(); index < all.length; index += REASONS) {
      sum += all[index] == null ? 0 : all[index].sum();
    }
    return sum;
  }

  /** How many calls this arm chose, for any reason. */
  public long chosenBy(int arm) {
    moveLocal();
    LongAdder[] all = byArm;
    long sum = 0;
    int first = arm * REASONS;
    for (int index = first; index < Math.min(first + REASONS, all.length); index++) {
      sum += all[index] == null ? 0 : all[index].sum();
    }
    return sum;
  }
}
