package io.weir.agent.cli;

import org.jspecify.annotations.Nullable;

/** A command ends here: what is wrong, and what to do about it. */
final class CliException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  final CliFault fault;

  /** What to do next, one line, or null. */
  final @Nullable String advice;

  CliException(CliFault fault, String message, @Nullable String advice) {
    super(message, null, false, false);
    this.fault = fault;
    this.advice = advice;
  }

  CliException(CliFault fault, String message) {
    this(fault, message, null);
  }
}
