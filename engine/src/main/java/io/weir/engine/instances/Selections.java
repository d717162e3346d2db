package io.weir.engine.instances;

import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * How often instances of one version and region were chosen, and why; outlives the instances and
 * the rules. Any thread.
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
  private final LongAdder[] counts = new LongAdder[Reason.values().length];

  /**
   * @param version or null
   * @param region or null
   */
  public Selections(@Nullable String version, @Nullable String region) {
    this.version = version;
    this.region = region;
    for (int i = 0; i < counts.length; i++) {
      counts[i] = new LongAdder();
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

  /** Calls chosen for this reason. */
  public long chosen(Reason why) {
    return counts[why.ordinal()].sum();
  }
}
