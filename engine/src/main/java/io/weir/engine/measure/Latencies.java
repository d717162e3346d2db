package io.weir.engine.measure;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import org.HdrHistogram.AtomicHistogram;
import org.HdrHistogram.Histogram;

/**
 * How long calls took: those to this JVM's own service, and those to each other one. There is one
 * of it only while somebody reads it (an admin port, an exporter); without it nothing is measured.
 *
 * <p>At most {@value #MAX_TARGETS} other services have a {@link Latency} of their own, the rest
 * share one: at most 18 MiB in all, and some 60 KiB for each service whose calls end in three ways.
 * Rules have theirs with themselves ({@link Timed}).
 *
 * <p>Any thread, no lock.
 */
public final class Latencies {
  /** What services beyond the bound are called. */
  public static final String OTHERS = "_OTHER";

  /** Other services with a latency of their own. */
  public static final int MAX_TARGETS = 64;

  /** Rules with a latency of their own; each is of one kind, so 1.3 MiB at most. */
  public static final int MAX_RULES = 64;

  /** One decision in so many is timed: it takes a second look at the clock. */
  private static final int SAMPLE = 64;

  private final Latency server = new Latency();
  private final Latency others = new Latency();
  private final ConcurrentHashMap<String, Latency> targets =
      new ConcurrentHashMap<String, Latency>();
  private final AtomicHistogram decisions = new AtomicHistogram(1_000_000_000L, 2);

  /** Of calls to this JVM's own service. */
  public Latency server() {
    return server;
  }

  /** Of calls from this JVM to {@code service}. */
  public Latency target(String service) {
    Latency l = targets.get(service);
    if (l == null) {
      if (targets.size() >= MAX_TARGETS) {
        return others;
      }
      Latency fresh = new Latency();
      l = targets.putIfAbsent(service, fresh);
      l = l == null ? fresh : l;
    }
    return l;
  }

  /** Whether this is the one that services beyond the bound share. */
  public boolean isOthers(Latency latency) {
    return latency == others;
  }

  /** Every service called so far, by name. */
  public Map<String, Latency> targets() {
    Map<String, Latency> all = new TreeMap<String, Latency>(targets);
    all.put(OTHERS, others);
    return Collections.unmodifiableMap(all);
  }

  /** Whether this decision is one of those that are timed. */
  public boolean timesDecision() {
    return ThreadLocalRandom.current().nextInt(SAMPLE) == 0;
  }

  /** A decision took so long. */
  public void decided(long nanos) {
    decisions.recordValue(Math.max(0, Math.min(nanos, 1_000_000_000L)));
  }

  /** Of the decisions that were timed, in nanoseconds: the caller's own copy. */
  public Histogram decisions() {
    Histogram h = new Histogram(1_000_000_000L, 2);
    h.add(decisions);
    return h;
  }
}
