package io.weir.control.fleet;

import java.util.Map;

/** What no schedule may break, judged at the moment a transaction is applied. */
final class Laws {
  private Laws() {}

  /** A law was broken. */
  static final class Broken extends AssertionError {
    Broken(String what) {
      super(what);
    }
  }

  static void require(boolean holds, String law, Object... details) {
    if (!holds) {
      StringBuilder s = new StringBuilder(law);
      for (Object d : details) {
        s.append(" | ").append(d);
      }
      throw new Broken(s.toString());
    }
  }

  private static Object value(Map<String, SimEtcd.Cell> keys, String key) {
    SimEtcd.Cell c = keys.get(key);
    return c == null ? null : c.value();
  }

  /** Whether somebody votes who is on another host than the sender, and in no common zone. */
  static boolean secondWitness(FleetEpoch before, Sender from, Map<String, SimEtcd.Cell> keys) {
    return keys.entrySet().stream()
        .filter(e -> e.getKey().startsWith(FleetMachine.VOTES))
        .filter(e -> !e.getKey().equals(FleetMachine.VOTES + from.id))
        .map(e -> (Vote) e.getValue().value())
        .anyMatch(
            v ->
                v.epoch == before.epoch
                    && !v.site.host.equals(from.site.host)
                    && (v.site.zone.isEmpty() || !v.site.zone.equals(from.site.zone)));
  }

  /**
   * Who sends, and what it really knew then.
   *
   * @param evidenceEpoch the fleet epoch its evidence was really gathered in: of failures, or, for
   *     an objection, of good calls
   * @param sawWell it had calls enough, and they were good
   */
  record Sender(String id, FailureDomain site, long evidenceEpoch, boolean sawWell) {}

  /**
   * @param quorum 0: auto
   */
  static void applied(
      FleetEpoch before,
      String proberBefore,
      FleetTransaction m,
      SimEtcd after,
      Sender from,
      int quorum,
      Map<String, SimEtcd.Cell> keysBefore) {
    String sender = from.id;
    FleetEpoch now = after.fence();
    require(
        now.epoch >= before.epoch && now.epoch <= before.epoch + 1,
        "the epoch only grows, by one",
        before,
        now,
        m);
    boolean legal =
        now.equals(before)
            || before.phase == FleetEpoch.Phase.CLOSED
                && now.phase == FleetEpoch.Phase.OPEN
                && now.epoch == before.epoch + 1
            || before.phase != FleetEpoch.Phase.CLOSED
                && now.phase == FleetEpoch.Phase.HALF_OPEN
                && now.epoch == before.epoch
            || before.phase == FleetEpoch.Phase.HALF_OPEN
                && now.phase != FleetEpoch.Phase.HALF_OPEN
                && now.epoch == before.epoch + 1;
    require(legal, "only legal transitions", before, now, m);
    switch (m.kind) {
      case OPEN -> {
        require(
            from.evidenceEpoch == before.epoch,
            "opening evidence is younger than the last close",
            "gathered in " + from.evidenceEpoch,
            before,
            m);
        long others =
            keysBefore.entrySet().stream()
                .filter(e -> e.getKey().startsWith(FleetMachine.VOTES))
                .filter(e -> !e.getKey().equals(FleetMachine.VOTES + sender))
                .filter(e -> ((Vote) e.getValue().value()).epoch == before.epoch)
                .count();
        require(others + 1 >= quorum, "a quorum of instances saw it", others, keysBefore);
        if (quorum == 0 && !secondWitness(before, from, keysBefore)) {
          Object own = value(keysBefore, FleetMachine.VOTES + sender);
          require(
              own instanceof Vote v && v.epoch == before.epoch,
              "one witness alone has voted before it opens",
              keysBefore);
          for (String key : FleetMachine.OBJECTIONS) {
            require(
                !(value(keysBefore, key) instanceof Objection o) || o.epoch != before.epoch,
                "nobody objects when one witness alone opens",
                keysBefore,
                m);
          }
        }
      }
      case OBJECT -> {
        require(
            before.phase == FleetEpoch.Phase.CLOSED, "objections are for closed breakers", before);
        require(
            from.evidenceEpoch == before.epoch,
            "an objection goes by calls of its own epoch",
            "made in " + from.evidenceEpoch,
            before);
        require(from.sawWell, "only who has traffic and sees the target well objects", sender);
      }
      case CLOSE, REOPEN ->
          require(
              sender.equals(proberBefore),
              "only the holder of the current fence closes or reopens",
              sender,
              proberBefore,
              m);
      case CAMPAIGN, TAKE_OVER ->
          require(proberBefore == null, "one prober at a time", sender, proberBefore);
      default -> {}
    }
    after.keys.forEach(
        (k, c) -> {
          if (k.equals(FleetMachine.STATE)
              || k.equals(FleetMachine.PROBE)
              || FleetMachine.slot(k) >= 0) {
            require(c.lease() != 0, "state, probe and objections hang on a lease", k, m);
          }
        });
    require(
        now.phase == FleetEpoch.Phase.HALF_OPEN || after.prober() == null,
        "a probe key exists in half-open only",
        now,
        after.prober());
  }
}
