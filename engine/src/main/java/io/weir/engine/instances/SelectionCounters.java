package io.weir.engine.instances;

import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * How often instances of one version and region were chosen, why, and by which arm; outlives the
 * instances and the rules. One counter a call: what was counted per arm or per reason is a sum.
 *
 * <p>Threads: any, except {@link #fit}, which belongs to whoever builds a snapshot.
 */
public final class SelectionCounters {
  /** Why an instance was chosen. */
  public enum Reason {
    /** A row of the rule matched. */
    ROUTE,
    /** No row matched; the rule's default. */
    DEFAULT,
    /** What was meant has no live instance. */
    FALLBACK,
    /** The call's own colour. */
    COLOUR,
    /** No rule: any of the untagged. */
    ANY
  }

  /** Counts for this by itself, in one place, and moves it here when asked. */
  interface Resident {
    void move();
  }

  private static final int REASONS = Reason.values().length;

  private final @Nullable String version;
  private final @Nullable String region;

  /** By reason, of calls that no arm chose. */
  private final LongAdder[] counts = adders();

  /**
   * By arm and, within an arm, by reason, in one array: a call reads no second. Null for arms that
   * never had such an instance, which most never have. Replaced by another with more, never with
   * less.
   */
  private volatile @Nullable LongAdder[] byArm = new LongAdder[0];

  private final Queue<Resident> residents = new ConcurrentLinkedQueue<Resident>();

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

  /** Makes room for what this arm chooses, before it can choose. */
  void fit(int arm) {
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

  /** Where a call is counted that no arm chose. */
  static int place(Reason why) {
    return ~why.ordinal();
  }

  /** Where a call is counted that this arm chose. */
  static int place(Reason why, int arm) {
    return arm * REASONS + why.ordinal();
  }

  /**
   * No room was made for this arm: the calls are counted all the same, by no arm. They are such as
   * are still on their way through the router of a rule that was taken away.
   */
  void add(int place, long calls) {
    LongAdder[] all = byArm;
    LongAdder own = place >= 0 && place < all.length ? all[place] : null;
    if (own == null) {
      own = counts[place < 0 ? ~place : place % REASONS];
    }
    own.add(calls);
  }

  void settles(Resident resident) {
    residents.add(resident);
  }

  void leaves(Resident resident) {
    residents.remove(resident);
  }

  private void gather() {
    for (Resident r : residents) {
      r.move();
    }
  }

  /** Calls chosen for this reason. */
  public long chosen(Reason why) {
    gather();
    long sum = counts[why.ordinal()].sum();
    LongAdder[] all = byArm;
    for (int place = why.ordinal(); place < all.length; place += REASONS) {
      sum += all[place] == null ? 0 : all[place].sum();
    }
    return sum;
  }

  /** Calls this arm chose, for whatever reason. */
  public long chosenBy(int arm) {
    gather();
    LongAdder[] all = byArm;
    long sum = 0;
    int first = arm * REASONS;
    for (int place = first; place < Math.min(first + REASONS, all.length); place++) {
      sum += all[place] == null ? 0 : all[place].sum();
    }
    return sum;
  }
}
