package io.weir.control.fleet;

/** The protocol made wrong in the ways one would get it wrong: the checkers have to notice. */
final class Sabotage {
  private Sabotage() {}

  /** Writes without comparing. */
  static Move blind(Move m) {
    Move.Builder b = Move.of(m.kind);
    for (Move.Write w : m.writes) {
      write(b, w, m.ttlSeconds, w.lease);
    }
    return b.build();
  }

  /** The prober's key outlives the prober. */
  static Move probeWithoutLease(Move m) {
    Move.Builder b = Move.of(m.kind);
    for (Move.Compare c : m.compares) {
      b.when(c.key, c.modRevision);
    }
    for (Move.Write w : m.writes) {
      write(b, w, m.ttlSeconds, w.key.equals(FleetMachine.PROBE) ? Move.Lease.NONE : w.lease);
    }
    return b.build();
  }

  private static void write(Move.Builder b, Move.Write w, int ttlSeconds, Move.Lease lease) {
    if (w.value == null) {
      b.delete(w.key);
      return;
    }
    switch (lease) {
      case NONE -> b.put(w.key, w.value);
      case SESSION -> b.putForSession(w.key, w.value);
      case EXPIRING -> b.putFor(ttlSeconds, w.key, w.value);
    }
  }
}
