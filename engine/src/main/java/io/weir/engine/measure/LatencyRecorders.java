package io.weir.engine.measure;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import org.HdrHistogram.AtomicHistogram;
import org.HdrHistogram.Histogram;

/**
 * Records how long calls took: those to this JVM's service, and those to each other service. It
 * exists only while somebody reads it (an admin port, an exporter); before that nothing is
 * measured.
 *
 * <p>At most {@value #MAX_TARGETS} other services have their own {@link LatencyRecorder}; the rest
 * share one. So it takes 18 MiB at most, and about 60 KiB for a service whose calls end in three
 * ways. The recorders of rules are in the rules ({@link TimedRule}).
 *
 * <p>Any thread, no lock.
 */
public final class LatencyRecorders {
  /** Name for the services beyond {@link #MAX_TARGETS}. */
  public static final String OTHERS = "_OTHER";

  /** Most other services with a recorder. */
  public static final int MAX_TARGETS = 64;

  /** Most rules with a recorder. Each has one kind of calls, so they take 1.3 MiB at most. */
  public static final int MAX_RULES = 64;

  /** One decision in so many is timed, because that reads the clock once more. */
  private static final int SAMPLE = 64;

  private final LatencyRecorder server = new LatencyRecorder();
  private final LatencyRecorder others = new LatencyRecorder();
  private final ConcurrentHashMap<String, LatencyRecorder> targets =
      new ConcurrentHashMap<String, LatencyRecorder>();

  /** Nanoseconds of timed decisions; more than a second counts as a second. */
  private final AtomicHistogram decisions = new AtomicHistogram(1_000_000_000L, 2);

  /** The recorder for calls to this JVM's service. */
  public LatencyRecorder server() {
    return server;
  }

  /** The recorder for calls from this JVM to {@code service}. */
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

  /** Whether this is the recorder that services beyond {@link #MAX_TARGETS} share. */
  public boolean isOthers(LatencyRecorder latency) {
    return latency == others;
  }

  /**
   * The recorders of every service called so far, by name, and the shared one as {@link #OTHERS}.
   */
  public Map<String, LatencyRecorder> targets() {
    Map<String, LatencyRecorder> all = new TreeMap<String, LatencyRecorder>(targets);
    all.put(OTHERS, others);
    return Collections.unmodifiableMap(all);
  }

  /** Whether to time this decision: true at random for one in {@value #SAMPLE}. */
  public boolean timesDecision() {
    return ThreadLocalRandom.current().nextInt(SAMPLE) == 0;
  }

  /** A timed decision took so long. */
  public void decided(long nanos) {
    decisions.recordValue(Math.max(0, Math.min(nanos, 1_000_000_000L)));
  }

  /** How long the timed decisions took, in nanoseconds: a copy the caller may keep. */
  public Histogram decisions() {
    Histogram h = new Histogram(1_000_000_000L, 2);
    h.add(decisions);
    return h;
  }
}
