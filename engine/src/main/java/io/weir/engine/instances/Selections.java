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

  private final @Nullable String version;
  private final @Nullable String region;
  private static final int REASONS = Reason.values().length;

  /** By reason, of calls that no arm chose. */
  private final LongAdder[] counts = adders(new LongAdder[0], REASONS);

  /** By arm and, within an arm, by reason. Replaced by a longer one, never shortened. */
  private volatile LongAdder[] byArm = new LongAdder[0];

  /**
   * @param version or null
   * @param region or null
   */
  public Selections(@Nullable String version, @Nullable String region) {
    this.version = version;
    this.region = region;
  }

  private static LongAdder[] adders(LongAdder[] before, int length) {
    LongAdder[] all = Arrays.copyOf(before, length);
    for (int i = before.length; i < length; i++) {
      all[i] = new LongAdder();
    }
    return all;
  }

  /** Makes room for the arms 0 to {@code arms - 1}, before any call is counted for them. */
  public void fit(int arms) {
    if (arms * REASONS > byArm.length) {
      byArm = adders(byArm, arms * REASONS);
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

  void count(Reason why, int arm) {
    byArm[arm * REASONS + why.ordinal()].increment();
  }

  /** Calls chosen for this reason. */
  public long chosen(Reason why) {
    long sum = counts[why.ordinal()].sum();
    LongAdder[] all = byArm;
    for (int i = why.ordinal(); i < all.length; i += REASONS) {
      sum += all[i].sum();
    }
    return sum;
  }

  /** Calls this arm chose, for whatever reason. */
  public long chosenBy(int arm) {
    long sum = 0;
    LongAdder[] all = byArm;
    for (int i = arm * REASONS; i < (arm + 1) * REASONS && i < all.length; i++) {
      sum += all[i].sum();
    }
    return sum;
  }
}
