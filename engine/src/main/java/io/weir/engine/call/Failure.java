package io.weir.engine.call;

/** How a call failed without an answer. */
public enum Failure {
  /** No connection could be made: the request was never sent. */
  CONNECT,
  /** Connected, but no answer in time (connect timeouts are {@link #CONNECT}). */
  TIMEOUT,
  /** The caller gave up; says nothing about the target. */
  CANCELLED,
  /** Anything else that was thrown. */
  EXCEPTION
}
