package io.weir.agent.cli;

/** A command ends here: what is wrong, and what to do about it. */
final class Trouble extends RuntimeException {
  private static final long serialVersionUID = 1L;

  final Fault fault;

  /** What to do next, one line, or null. */
  final String advice;

  Trouble(Fault fault, String message, String advice) {
    super(message, null, false, false);
    this.fault = fault;
    this.advice = advice;
  }

  Trouble(Fault fault, String message) {
    this(fault, message, null);
  }
}
