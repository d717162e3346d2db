package io.weir.engine.call;

import io.weir.engine.instances.Instance;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The decision about one call, which the adapter of a library carries out.
 *
 * <p>{@code Engine.newDecision()} makes one; {@code Engine.inbound} or {@code Engine.outbound}
 * fills it in. Then there are two cases:
 *
 * <ul>
 *   <li>The call is refused: {@link #refusal} is not null. The adapter answers with it, and is
 *       done.
 *   <li>The call is admitted: {@link #refusal} is null. The adapter waits for {@link #waitNanos},
 *       makes the call, with {@link #instance}, {@link #headers} and {@link #timeoutNanos} if it is
 *       outbound, and ends it once by {@link #outcome}.
 * </ul>
 *
 * <p>A decision that was never filled in is an admitted call with nothing to carry out; ending it
 * has no effect on rules.
 *
 * <p>An adapter keeps the decision with its call and may use it again for the next call. It belongs
 * to one thread until the engine has filled it in. After that, any thread to which it was safely
 * published may read it.
 */
public interface CallDecision {
  /** Why the call is refused; null when it is admitted. */
  @Nullable Refusal refusal();

  /**
   * The {@link #refusal} of a call that is known to be refused; never null.
   *
   * @throws NullPointerException when the call is admitted
   */
  default Refusal refused() {
    return Objects.requireNonNull(refusal());
  }

  /** Nanos until a retry may succeed; 0 when unknown or the call is admitted. */
  long retryAfterNanos();

  /** Value of {@code Retry-After}: whole seconds, rounded up, at least 1. */
  default long retryAfterSeconds() {
    long nanos = retryAfterNanos();
    return Math.max(1, nanos / 1_000_000_000L + (nanos % 1_000_000_000L > 0 ? 1 : 0));
  }

  /**
   * Value of the gRPC trailer {@code grpc-retry-pushback-ms}: milliseconds, rounded up; 0 when
   * unknown.
   */
  default long retryPushbackMillis() {
    long nanos = retryAfterNanos();
    return nanos / 1_000_000 + (nanos % 1_000_000 > 0 ? 1 : 0);
  }

  /**
   * Only of a call that a concurrency limit refused: how many calls the limit allowed to be in
   * flight.
   */
  int concurrencyLimit();

  /** Nanos an admitted call has to wait before it is made (pacing); 0: do not wait. */
  long waitNanos();

  /** The instance the router chose; null: the call goes to the address the application gave. */
  @Nullable Instance instance();

  /**
   * The arm by which the router chose, or null. An arm is one destination of a routing rule: one
   * entry of its {@code to} or {@code default} list.
   */
  @Nullable String arm();

  /**
   * Headers the routing rule sets on the call: name, value, name, value ... Never null. Do not
   * change the array.
   */
  String[] headers();

  /** Deadline the routing rule sets for the call, in nanos from its start; 0: none. */
  long timeoutNanos();

  /**
   * When the call began, by the nano clock: the time of the decision, or of the end of its wait.
   */
  long startNanos();

  /**
   * The id of this decision in the decision log, sent to the caller ({@link Refusal#DECISION});
   * null: it has none.
   */
  @Nullable String id();

  /** The object that ends an admitted call: always the same one, never null. */
  CallOutcome outcome();
}
