package io.weir.engine.outcome;

/** How a call failed without an answer, or what is known of a failure beyond its code. */
public enum Failure {
  /** No connection could be made: the request was never sent. */
  CONNECT,
  /** Connected, but no answer in time. A connect time-out is {@link #CONNECT}. */
  TIMEOUT,
  /** The caller cancelled. Says nothing about the target. */
  CANCELLED,
  /** Anything else that was thrown. */
  EXCEPTION,
  /**
   * The failure is on the caller's side: a name that does not resolve, a TLS handshake, no memory,
   * thread or file descriptor, the application's own interceptor or body. Says nothing to other
   * callers about the target.
   */
  LOCAL,
  /**
   * There was an answer: the Weir agent of the target refused the call. It sheds load; that is no
   * failure of the target.
   */
  SHED
}
