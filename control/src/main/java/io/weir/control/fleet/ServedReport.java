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
  private final String own;
  private final Loop.Chain looks;

  /** By the prefix of a breaker's keys: {@code /circuit-breaker/SERVICE[@RULE]}. */
  private final Map<String, Doubt> doubts = new HashMap<String, Doubt>();

  private String json = "";

  /** When {@link #json} last changed, if it ever did. */
  private long toldAt;

  private boolean told;

  /** The keys of one breaker of this service. */
  private static final class Doubt {
    /** The value of its key {@code epoch}. */
    FleetEpoch fence = FleetEpoch.NONE;

    final Map<String, Vote> votes = new HashMap<String, Vote>();

    /** Whether the breaker is not closed, or somebody votes to open it. */
    boolean exists() {
      if (fence.phase != FleetEpoch.Phase.CLOSED) {
        return true;
      }
      for (Vote v : votes.values()) {
        if (v.epoch == fence.epoch) {
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
    own = FleetCoordinator.PREFIX + engine.service();
    looks = loop.chain("served calls", PERIOD_NANOS, this::look);
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
        take(target, c);
      }
    }
    for (String target : touched) {
      Doubt d = doubts.get(target);
      if (d != null && !d.exists() && d.votes.isEmpty() && d.fence.equals(FleetEpoch.NONE)) {
        doubts.remove(target);
      }
    }
    // the doubt has begun and there is no report, or it has ended and there is one
    if (!touched.isEmpty() && doubted() == json.isEmpty()) {
      long since = loop.now() - toldAt;
      looks.in(told && since < PERIOD_NANOS ? PERIOD_NANOS - since : 0);
    }
  }

  /** The prefix of a breaker's keys; null: it is the breaker of another service. */
  private @Nullable String target(String key) {
    if (!key.startsWith(own) || key.length() == own.length()) {
      return null;
    }
    char next = key.charAt(own.length());
    int end = key.indexOf('/', own.length());
    return end < 0 || next != '/' && next != '@' ? null : key.substring(0, end);
  }

  private void take(String target, Change c) {
    Doubt d = doubts.get(target);
    if (d == null) {
      d = new Doubt();
      doubts.put(target, d);
    }
    String key = c.key.substring(target.length() + 1);
    Object value = c.now == null ? null : FleetCodec.read(key, c.now.value);
    if (key.equals(FleetMachine.EPOCH)) {
      d.fence = value == null ? FleetEpoch.NONE : (FleetEpoch) value;
    } else if (key.startsWith(FleetMachine.VOTES)) {
      if (value == null) {
        d.votes.remove(key);
      } else {
        d.votes.put(key, (Vote) value);
      }
    }
  }

  private boolean doubted() {
    for (Doubt d : doubts.values()) {
      if (d.exists()) {
        return true;
      }
    }
    return false;
  }

  private void look() {
    boolean doubted = doubted();
    if (!doubted) {
      tell("");
      looks.cancel();
      return;
    }
    // the present second is not over: one more, so that no call is missed between two reports
    ServedCalls r = engine.signals().last(SECONDS + 1, engine.now());
    if (r.calls() > 0 || json.isEmpty()) {
      tell(
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
    looks.in(PERIOD_NANOS);
  }

  private void tell(String now) {
    if (!now.equals(json)) {
      json = now;
      toldAt = loop.now();
      told = true;
      changed.run();
    }
  }

  @Override
  public void onConnected(boolean connected, String reason) {
    // the last report stays
  }
}
