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
 * <p>At most {@value #MAX_TARGETS} other services have a {@link LatencyRecorder} of their own, the
 * rest share one: at most 18 MiB in all, and some 60 KiB for each service whose calls end in three
 * ways. Rules have theirs with themselves ({@link TimedRule}).
 *
 * <p>Any thread, no lock.
 */
public final class LatencyRecorders {
  /** What services beyond the bound are called. */
  public static final String OTHERS = "_OTHER";

  /** Other services with a latency of their own. */
  public static final int MAX_TARGETS = 64;

  /** Rules with a latency of their own; each is of one kind, so 1.3 MiB at most. */
  public static final int MAX_RULES = 64;

  /** One decision in so many is timed: it takes a second look at the clock. */
  private static final int SAMPLE = 64;

  private final LatencyRecorder server = new LatencyRecorder();
  private final LatencyRecorder others = new LatencyRecorder();
  private final ConcurrentHashMap<String, LatencyRecorder> targets =
      new ConcurrentHashMap<String, LatencyRecorder>();
  private final AtomicHistogram decisions = new AtomicHistogram(1_000_000_000L, 2);

  /** Of calls to this JVM's own service. */
  public LatencyRecorder server() {
    return server;
  }

  /** Of calls from this JVM to {@code service}. */
  public LatencyRecorder target(String service) {
    LatencyRecorder l = targets.get(service);
    if (l == null) {
      if (targets.size() >= MAX_TARGETS) {
        return others;
      }
      LatencyRecorder fresh = new LatencyRecorder();
      l = targets.putIfAbsent(service, fresh);
      l = l == null ? fresh : l;
    }
    return l;
  }

  /** Whether this is the one that services beyond the bound share. */
  public boolean isOthers(LatencyRecorder latency) {
    return latency == others;
  }

  /** Every service called so far, by name. */
  public Map<String, LatencyRecorder> targets() {
    Map<String, LatencyRecorder> all = new TreeMap<String, LatencyRecorder>(targets);
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
