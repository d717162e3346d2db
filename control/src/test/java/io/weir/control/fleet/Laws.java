package io.weir.control.fleet;

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

  /**
   * @param evidenceEpoch the fleet epoch the sender's evidence was really gathered in
   */
  static void applied(
      Fence before,
      String proberBefore,
      Move m,
      SimEtcd after,
      String sender,
      long evidenceEpoch,
      int quorum,
      java.util.Map<String, SimEtcd.Cell> keysBefore) {
    Fence now = after.fence();
    require(
        now.epoch >= before.epoch && now.epoch <= before.epoch + 1,
        "the epoch only grows, by one",
        before,
        now,
        m);
    boolean legal =
        now.equals(before)
            || before.phase == Fence.Phase.CLOSED
                && now.phase == Fence.Phase.OPEN
                && now.epoch == before.epoch + 1
            || before.phase != Fence.Phase.CLOSED
                && now.phase == Fence.Phase.HALF_OPEN
                && now.epoch == before.epoch
            || before.phase == Fence.Phase.HALF_OPEN
                && now.phase != Fence.Phase.HALF_OPEN
                && now.epoch == before.epoch + 1;
    require(legal, "only legal transitions", before, now, m);
    switch (m.kind) {
      case OPEN -> {
        require(
            evidenceEpoch == before.epoch,
            "opening evidence is younger than the last close",
            "gathered in " + evidenceEpoch,
            before,
            m);
        long others =
            keysBefore.entrySet().stream()
                .filter(e -> e.getKey().startsWith(FleetMachine.VOTES))
                .filter(e -> !e.getKey().equals(FleetMachine.VOTES + sender))
                .filter(e -> ((Vote) e.getValue().value()).epoch == before.epoch)
                .count();
        require(others + 1 >= quorum, "a quorum of instances saw it", others, keysBefore);
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
          if (k.equals(FleetMachine.STATE) || k.equals(FleetMachine.PROBE)) {
            require(c.lease() != 0, "state and probe hang on a lease", k, m);
          }
        });
    require(
        now.phase == Fence.Phase.HALF_OPEN || after.prober() == null,
        "a probe key exists in half-open only",
        now,
        after.prober());
  }
}
