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
 * How the calls that this instance served ended, told in its status key while callers doubt the
 * service: while one of them votes for opening a breaker about it, or such a breaker is not closed.
 * People can then compare what callers see with what the service sees. See docs/breaker.md.
 *
 * <p>Writes are bounded: what is told changes every ten seconds at most, however votes come and go.
 * While nobody calls, as behind an open breaker, the last figures stay and nothing is written.
 *
 * <p>Threading: the control loop.
 */
public final class ServedReport implements Store.Listener {
  private static final int SECONDS = 10;
  private static final long PERIOD_NANOS = SECONDS * 1_000_000_000L;

  private final Engine engine;
  private final Loop loop;
  private final Runnable changed;
  private final String own;
  private final Loop.Chain looks;

  /** By the target's name: the service, or the service and a rule's id. */
  private final Map<String, Doubt> doubts = new HashMap<String, Doubt>();

  private String json = "";
  private long toldAt;
  private boolean told;

  /** What a target's keys say. */
  private static final class Doubt {
    FleetEpoch fence = FleetEpoch.NONE;
    final Map<String, Vote> votes = new HashMap<String, Vote>();

    boolean is() {
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
   * @param changed run on the loop when {@link #json} has changed
   */
  public ServedReport(Engine engine, Loop loop, Runnable changed) {
    this.engine = engine;
    this.loop = loop;
    this.changed = changed;
    own = FleetCoordinator.PREFIX + engine.service();
    looks = loop.chain("served calls", PERIOD_NANOS, this::look);
  }

  /**
   * {@code {"calls":230,"errors":1,"seconds":10,"at":1790000000000}}: calls of the ten seconds
   * before {@code at} (milliseconds since 1970), without those that were refused or cancelled.
   * Empty while no caller doubts this service.
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
      if (d != null && !d.is() && d.votes.isEmpty() && d.fence.equals(FleetEpoch.NONE)) {
        doubts.remove(target);
      }
    }
    if (!touched.isEmpty() && doubted() == json.isEmpty()) {
      long since = loop.now() - toldAt;
      looks.in(told && since < PERIOD_NANOS ? PERIOD_NANOS - since : 0);
    }
  }

  /** The part of a key that names a breaker about this service, or null: it is about another. */
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
    Object value = c.now == null ? null : FleetCodec.read(key, c.now.value, c.now.lease != 0);
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
      if (d.is()) {
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
    // the second that runs has only begun: with one more, no call is left out between two looks
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
    // what was told last stays true
  }
}
