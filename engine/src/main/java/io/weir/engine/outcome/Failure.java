package io.weir.engine.outcome;

/** How a call failed without an answer. */
public enum Failure {
  /** No connection could be made: the request was never sent. */
  CONNECT,
  /** Connected, but no answer in time (connect timeouts are {@link #CONNECT}). */
  TIMEOUT,
  /** The caller gave up; says nothing about the target. */
  CANCELLED,
  /** Anything else that was thrown. */
  EXCEPTION,
  /**
   * This side's own: a name that does not resolve, a TLS handshake, no memory, thread or file
   * descriptor, the application's own interceptor or body. Says nothing about the target to others.
   */
  LOCAL,
  /**
   * There was an answer: the target's own Weir refused the call. Shed load, no failure of the
   * target.
   */
  SHED
}
