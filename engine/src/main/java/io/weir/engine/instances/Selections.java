package io.weir.engine.instances;

import java.util.Arrays;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * How often instances of one version and region were chosen, why, and by which arm; outlives the
 * instances and the rules. One counter a call: what was counted per arm or per reason is a sum.
 *
 * <p>Threads: any, except {@link #fit}, which belongs to whoever builds a snapshot.
 */
public final class Selections {
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

  private static final int REASONS = Reason.values().length;

  private final @Nullable String version;
  private final @Nullable String region;

  /** By reason, of calls that no arm chose. */
  private final LongAdder[] counts = adders();

  /**
   * By arm and, within an arm, by reason; null for arms that never had such an instance, which most
   * never have. Replaced by another with more, never with less.
   */
  private volatile @Nullable LongAdder[][] byArm = new LongAdder[0][];

  /**
   * @param version or null
   * @param region or null
   */
  public Selections(@Nullable String version, @Nullable String region) {
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
    LongAdder[][] all = byArm;
    if (arm >= all.length || all[arm] == null) {
      all = Arrays.copyOf(all, Math.max(all.length, arm + 1));
      all[arm] = adders();
      byArm = all;
    }
  }

  public @Nullable String version() {
    return version;
  }

  public @Nullable String region() {
    return region;
  }

  void count(Reason why) {
    counts[why.ordinal()].increment();
  }

  /**
   * No room was made for this arm: the call is counted all the same, by no arm. It is one that is
   * still on its way through the router of a rule that was taken away.
   */
  void count(Reason why, int arm) {
    LongAdder[][] all = byArm;
    LongAdder[] own = arm < all.length ? all[arm] : null;
    (own == null ? counts : own)[why.ordinal()].increment();
  }

  /** Calls chosen for this reason. */
  public long chosen(Reason why) {
    long sum = counts[why.ordinal()].sum();
    for (LongAdder[] arm : byArm) {
      sum += arm == null ? 0 : arm[why.ordinal()].sum();
    }
    return sum;
  }

  /** Calls this arm chose, for whatever reason. */
  public long chosenBy(int arm) {
    LongAdder[][] all = byArm;
    LongAdder[] own = arm < all.length ? all[arm] : null;
    long sum = 0;
    for (int i = 0; own != null && i < own.length; i++) {
      sum += own[i].sum();
    }
    return sum;
  }
}
