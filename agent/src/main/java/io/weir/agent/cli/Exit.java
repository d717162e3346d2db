package io.weir.agent.cli;

/** What a command's exit code means; the same for every command. */
final class Exit {
  static final int OK = 0;

  /** It could not be done: unreachable, not permitted, not found. */
  static final int FAILURE = 1;

  /** The command line itself is wrong. */
  static final int USAGE = 2;

  /** The rules have something to complain about. */
  static final int FINDINGS = 3;

  /** Two sets of rules differ. */
  static final int DIFFERENCES = 4;

  /** Somebody else changed a rule meanwhile; nothing was written. */
  static final int CONFLICT = 5;

  /** Written, but not every live instance runs it. */
  static final int NOT_CONVERGED = 6;

  private Exit() {}
}
