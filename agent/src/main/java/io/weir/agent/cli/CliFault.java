package io.weir.agent.cli;

/**
 * Why a command refuses; what is wrong with a rule has codes of its own, {@code WEIR1nnn}. The
 * numbers are public: scripts test for them and docs/cli.md explains each.
 */
enum CliFault {
  USAGE(2001, Exit.USAGE, "the command line is not understood"),
  NO_FILE(2002, Exit.FAILURE, "a file or directory is missing or cannot be read"),
  NO_KEY(2003, Exit.USAGE, "which rule key a file stands for cannot be told from its path"),
  NO_RULE(2004, Exit.FAILURE, "the rule named does not exist"),
  UNREACHABLE(2101, Exit.FAILURE, "the rule store cannot be reached"),
  UNKNOWN_OUTCOME(2102, Exit.FAILURE, "the store did not say whether it wrote; look before trying"),
  CONFLICT(2103, Exit.CONFLICT, "the rule was changed by somebody else meanwhile"),
  TOO_MANY(2104, Exit.FAILURE, "more keys than one transaction may hold"),
  READ_ONLY(2105, Exit.FAILURE, "the rule store cannot be written to"),
  INVALID(2201, Exit.FINDINGS, "the rules are refused; nothing was written"),
  NOT_CONVERGED(2202, Exit.NOT_CONVERGED, "not every live instance acknowledged in time"),
  NO_HISTORY(2203, Exit.FAILURE, "there is no such change in the history"),
  LOCAL_CHANGES(2204, Exit.CONFLICT, "a local file was changed and would be overwritten"),
  NOT_EDITABLE(2205, Exit.FAILURE, "the rule's text cannot be edited without losing something"),
  UNCONFIRMED(
      2206, Exit.FINDINGS, "the change is dangerous and was not confirmed; nothing was written"),
  BAD_LOG(2301, Exit.FAILURE, "the access log cannot be understood"),
  ATTACH(2401, Exit.FAILURE, "the JVM cannot be attached to"),
  NO_DECISION(
      2402, Exit.FAILURE, "an admin endpoint does not answer, or does not know the decision"),
  DEFECT(2901, Exit.FAILURE, "a defect of the command line itself");

  final int exit;
  private final int number;
  private final String meaning;

  CliFault(int number, int exit, String meaning) {
    this.number = number;
    this.exit = exit;
    this.meaning = meaning;
  }

  /** One line for the docs. */
  String meaning() {
    return meaning;
  }

  /** {@code WEIR2103}. */
  @Override
  public String toString() {
    return "WEIR" + number;
  }
}
