package io.weir.engine.signals;

/** What {@link ServerSignals} counted in some time. Immutable. */
public final class ServedCalls {
  public final long ok;
  public final long errors;

  /** Cancelled by the caller, or what the rule ignores: neither ok nor error. */
  public final long ignored;

  /** Of ok and errors, those that took long. */
  public final long slow;

  /** What ok and errors took together, in nanos. */
  public final long nanos;

  ServedCalls(long ok, long errors, long ignored, long slow, long nanos) {
    this.ok = ok;
    this.errors = errors;
    this.ignored = ignored;
    this.slow = slow;
    this.nanos = nanos;
  }

  ServedCalls since(ServedCalls then) {
    return new ServedCalls(
        ok - then.ok,
        errors - then.errors,
        ignored - then.ignored,
        slow - then.slow,
        nanos - then.nanos);
  }

  /** Calls that say something. */
  public long calls() {
    return ok + errors;
  }

  /** Errors among {@link #calls}, 0 to 1; 0 when there was none. */
  public double errorRatio() {
    return calls() == 0 ? 0 : (double) errors / calls();
  }

  /** What a call took in the mean, in nanos; 0 when there was none. */
  public long meanNanos() {
    return calls() == 0 ? 0 : nanos / calls();
  }

  @Override
  public String toString() {
    return ok + " ok, " + errors + " errors, " + ignored + " ignored, " + slow + " slow";
  }
}
