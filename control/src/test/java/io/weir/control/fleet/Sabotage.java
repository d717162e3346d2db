package io.weir.control.fleet;

import java.util.function.Predicate;

/** The protocol made wrong in the ways one would get it wrong: the checkers have to notice. */
final class Sabotage {
  private Sabotage() {}

  /** Writes without comparing. */
  static FleetTransaction blind(FleetTransaction m) {
    FleetTransaction.Builder b = FleetTransaction.of(m.kind);
    for (FleetTransaction.Write w : m.writes) {
      write(b, w, m.ttlSeconds, w.lease);
    }
    return b.build();
  }

  /** The prober's key outlives the prober. */
  static FleetTransaction probeWithoutLease(FleetTransaction m) {
    FleetTransaction.Builder b = FleetTransaction.of(m.kind);
    for (FleetTransaction.Compare c : m.compares) {
      b.when(c.key, c.modRevision);
    }
    for (FleetTransaction.Write w : m.writes) {
      write(
          b,
          w,
          m.ttlSeconds,
          w.key.equals(FleetMachine.PROBE) ? FleetTransaction.Lease.NONE : w.lease);
    }
    return b.build();
  }

  /** Opens without looking whether somebody has objected meanwhile. */
  static FleetTransaction heedless(FleetTransaction m) {
    return m.kind == FleetTransaction.Kind.OPEN
        ? without(m, c -> FleetMachine.slot(c.key) >= 0)
        : m;
  }

  /** Objects whatever has become of the epoch. */
  static FleetTransaction objectionToAnything(FleetTransaction m) {
    return m.kind == FleetTransaction.Kind.OBJECT
        ? without(m, c -> c.key.equals(FleetMachine.EPOCH))
        : m;
  }

  private static FleetTransaction without(
      FleetTransaction m, Predicate<FleetTransaction.Compare> what) {
    FleetTransaction.Builder b = FleetTransaction.of(m.kind);
    m.compares.stream().filter(what.negate()).forEach(c -> b.when(c.key, c.modRevision));
    m.writes.forEach(w -> write(b, w, m.ttlSeconds, w.lease));
    return b.build();
  }

  /** A machine made wrong. */
  enum Machine {
    SOUND,
    /** Believes evidence of failures for ever. */
    GULLIBLE,
    /** Objects without having any traffic. */
    KNOW_ALL,
    /** Believes for ever what it saw of good calls. */
    FORGETFUL,
    /** Takes its own vote for another's. */
    DOUBLE,
    /** Takes all on its own host for other witnesses. */
    NEIGHBOURLY;

    FleetMachine of(String self, FailureDomain site, FleetMachine.Settings settings, long seed) {
      if (this == SOUND) {
        return new FleetMachine(self, site, settings, seed);
      }
      return new Wrong(this, self, site, settings, seed);
    }

    /** What a machine was made by. */
    static Machine kindOf(FleetMachine m) {
      return m instanceof Wrong ? ((Wrong) m).how : SOUND;
    }
  }

  private static final class Wrong extends FleetMachine {
    final Machine how;

    Wrong(Machine how, String self, FailureDomain site, Settings settings, long seed) {
      super(self, site, settings, seed);
      this.how = how;
    }

    @Override
    boolean holds(long gatheredIn) {
      return how == Machine.GULLIBLE || super.holds(gatheredIn);
    }

    @Override
    boolean well() {
      return how == Machine.KNOW_ALL || super.well();
    }

    @Override
    boolean holdsSight(long madeIn) {
      return how == Machine.FORGETFUL || super.holdsSight(madeIn);
    }

    @Override
    boolean anotherWitness(String by, Vote v) {
      return how == Machine.DOUBLE
          || how == Machine.NEIGHBOURLY && !by.equals(self)
          || super.anotherWitness(by, v);
    }
  }

  private static void write(
      FleetTransaction.Builder b,
      FleetTransaction.Write w,
      int ttlSeconds,
      FleetTransaction.Lease lease) {
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
