package io.weir.control.fleet;

import io.weir.control.loop.Loop;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Store;
import io.weir.engine.gate.Engine;
import io.weir.engine.signals.ServedCalls;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reports in the status key how the calls ended that this instance served, while callers
 * <em>doubt</em> the service: a caller votes to open a breaker of this service, or such a breaker
 * is not closed. People can then compare what callers see with what the service sees
 * (docs/breaker.md).
 *
 * <p>The report changes every ten seconds at most. While there are no calls, as behind an open
 * breaker, the last figures stay and nothing is written.
 *
 * <p>On the control loop only.
 */
public final class ServedReport implements Store.Listener {
  private static final int SECONDS = 10;
  private static final long PERIOD_NANOS = SECONDS * 1_000_000_000L;

  private final Engine engine;
  private final Loop loop;
  private final Runnable changed;
  private final String ownPrefix;
  private final Loop.Chain reports;

  /** By the prefix of a breaker's keys: {@code /circuit-breaker/SERVICE[@RULE]}. */
  private final Map<String, BreakerKeys> breakers = new HashMap<String, BreakerKeys>();

  private String json = "";

  /** When {@link #json} last changed, if it ever did. */
  private long changedAt;

  private boolean everChanged;

  /** The keys of one breaker of this service. */
  private static final class BreakerKeys {
    /** The value of its key {@code epoch}. */
    FleetEpoch state = FleetEpoch.NONE;

    final Map<String, Vote> votes = new HashMap<String, Vote>();

    /** Whether the breaker is not closed, or somebody votes to open it. */
    boolean raisesDoubt() {
      if (state.phase != FleetEpoch.Phase.CLOSED) {
        return true;
      }
      for (Vote v : votes.values()) {
        if (v.epoch == state.epoch) {
          return true;
        }
      }
      return false;
    }
  }

  /**
   * @param engine counts the calls
   * @param changed is called on the loop when {@link #json} has changed
   */
  public ServedReport(Engine engine, Loop loop, Runnable changed) {
    this.engine = engine;
    this.loop = loop;
    this.changed = changed;
    ownPrefix = FleetCoordinator.PREFIX + engine.service();
    reports = loop.chain("served calls", PERIOD_NANOS, this::report);
  }

  /**
   * {@code {"calls":230,"errors":1,"seconds":10,"at":1790000000000}}: the calls of the ten seconds
   * before {@code at} (milliseconds since 1970), without those that were refused or cancelled.
   * Empty: no caller doubts this service.
   */
  public String json() {
    return json;
  }

  @Override
  public void onBatch(Batch batch) {
    Set<String> touched = new HashSet<String>();
    for (Change c : batch.changes) {
      String target = target(c.key);
      if (target != null) {
        touched.add(target);
        apply(target, c);
      }
    }
    for (String target : touched) {
      BreakerKeys keys = breakers.get(target);
      if (keys != null
          && !keys.raisesDoubt()
          && keys.votes.isEmpty()
          && keys.state.equals(FleetEpoch.NONE)) {
        breakers.remove(target);
      }
    }
    // the doubt has begun and there is no report, or it has ended and there is one
    if (!touched.isEmpty() && isDoubted() == json.isEmpty()) {
      long since = loop.now() - changedAt;
      reports.in(everChanged && since < PERIOD_NANOS ? PERIOD_NANOS - since : 0);
    }
  }

  /** The prefix of a breaker's keys; null: it is the breaker of another service. */
  private @Nullable String target(String key) {
    if (!key.startsWith(ownPrefix) || key.length() == ownPrefix.length()) {
      return null;
    }
    char next = key.charAt(ownPrefix.length());
    int end = key.indexOf('/', ownPrefix.length());
    return end < 0 || next != '/' && next != '@' ? null : key.substring(0, end);
  }

  private void apply(String target, Change c) {
    BreakerKeys keys = breakers.get(target);
    if (keys == null) {
      keys = new BreakerKeys();
      breakers.put(target, keys);
    }
    String key = c.key.substring(target.length() + 1);
    Object value = c.now == null ? null : FleetCodec.read(key, c.now.value, c.now.lease != 0);
    if (key.equals(FleetMachine.EPOCH)) {
      keys.state = value == null ? FleetEpoch.NONE : (FleetEpoch) value;
    } else if (key.startsWith(FleetMachine.VOTES)) {
      if (value == null) {
        keys.votes.remove(key);
      } else {
        keys.votes.put(key, (Vote) value);
      }
    }
  }

  private boolean isDoubted() {
    for (BreakerKeys keys : breakers.values()) {
      if (keys.raisesDoubt()) {
        return true;
      }
    }
    return false;
  }

  private void report() {
    if (!isDoubted()) {
      update("");
      reports.cancel();
      return;
    }
    // the present second is not over: one more, so that no call is missed between two reports
    ServedCalls r = engine.signals().last(SECONDS + 1, engine.now());
    if (r.calls() > 0 || json.isEmpty()) {
      update(
          "{\"calls\":"
              + r.calls()
              + ",\"errors\":"
              + r.errors
              + ",\"seconds\":"
              + SECONDS
              + ",\"at\":"
              + System.currentTimeMillis()
              + "}");
    }
    reports.in(PERIOD_NANOS);
  }

  private void update(String newJson) {
    if (!newJson.equals(json)) {
      json = newJson;
      changedAt = loop.now();
      everChanged = true;
      changed.run();
    }
  }

  @Override
  public void onConnected(boolean connected, String reason) {
    // the last report stays
  }
}
