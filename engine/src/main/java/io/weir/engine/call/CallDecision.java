package io.weir.engine.call;

import io.weir.engine.instances.Instance;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What was decided about one call: what an instrumentation carries out.
 *
 * <p>{@code Engine.newDecision()} makes one, {@code Engine.inbound} or {@code Engine.outbound}
 * fills it. A refused call is answered with its {@link #refusal}, and that is all there is to do.
 * An admitted one waits for {@link #waitNanos}, goes to {@link #instance} with {@link #headers} and
 * {@link #timeoutNanos}, and is ended once by its {@link #outcome}. One that was never asked about
 * is admitted, with nothing to carry out and nobody who waits for its outcome.
 *
 * <p>An adapter keeps it beside its call, and may use it again for the next. It is confined to one
 * thread until the decision is made; afterwards any thread that got it by safe means may read it.
 */
public interface CallDecision {
  /** Why the call is refused, or null: it is admitted. */
  @Nullable Refusal refusal();

  /**
   * Why, of a call that is refused.
   *
   * @throws NullPointerException when it is not
   */
  default Refusal refused() {
    return Objects.requireNonNull(refusal());
  }

  /** Nanos until a retry may succeed; 0 when unknown. */
  long retryAfterNanos();

  /** {@code Retry-After} in whole seconds, rounded up, at least 1. */
  default long retryAfterSeconds() {
    long nanos = retryAfterNanos();
    return Math.max(1, nanos / 1_000_000_000L + (nanos % 1_000_000_000L > 0 ? 1 : 0));
  }

  /** gRPC trailer {@code grpc-retry-pushback-ms}: milliseconds, rounded up; 0 when unknown. */
  default long retryPushbackMillis() {
    long nanos = retryAfterNanos();
    return nanos / 1_000_000 + (nanos % 1_000_000 > 0 ? 1 : 0);
  }

  /** How many calls might be under way when a limit on them refused this one. */
  int concurrencyLimit();

  /** Nanos an admitted call has to wait before it is made; 0 for at once. */
  long waitNanos();

  /** The chosen instance, or null: the call goes where the application aimed it. */
  @Nullable Instance instance();

  /** The arm of the routing rule that chose the instance, or null. */
  @Nullable String arm();

  /**
   * Headers the routing rule sets on the call: name, value, name, value ...; never null, must not
   * be changed.
   */
  String[] headers();

  /** Deadline the routing rule sets for this call, in nanos from its start; 0 for none. */
  long timeoutNanos();

  /** When the call began, nano clock: when it was decided, or when its wait was over. */
  long startNanos();

  /** What the caller is told as this decision's id, or null: see {@link Refusal#DECISION}. */
  @Nullable String id();

  /** By which an admitted call is ended: always the same one. */
  CallOutcome outcome();
}
