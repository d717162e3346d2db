package io.weir.engine.signals;

/** How the calls served in some period ended, counted by {@link ServerSignals}. Immutable. */
public final class ServedCalls {
  public final long ok;
  public final long errors;

  /** Calls that are neither ok nor error: cancelled by the caller, or ignored by the rule. */
  public final long ignored;

  /** Slow calls, each of which is also counted in ok or errors. */
  public final long slow;

  /** The sum of the latencies of ok and errors, in nanos. */
  public final long nanos;

  ServedCalls(long ok, long errors, long ignored, long slow, long nanos) {
    this.ok = ok;
    this.errors = errors;
    this.ignored = ignored;
    this.slow = slow;
    this.nanos = nanos;
  }

  /** What was counted after {@code then}, earlier totals of the same counters. */
  ServedCalls since(ServedCalls then) {
    return new ServedCalls(
        ok - then.ok,
        errors - then.errors,
        ignored - then.ignored,
        slow - then.slow,
        nanos - then.nanos);
  }

  /** All calls but the ignored ones. */
  public long calls() {
    return ok + errors;
  }

  /** The share of errors in {@link #calls}, 0 to 1; 0 when there was no call. */
  public double errorRatio() {
    return calls() == 0 ? 0 : (double) errors / calls();
  }

  /** The mean latency in nanos; 0 when there was no call. */
  public long meanNanos() {
    return calls() == 0 ? 0 : nanos / calls();
  }

  @Override
  public String toString() {
    return ok + " ok, " + errors + " errors, " + ignored + " ignored, " + slow + " slow";
  }
}
