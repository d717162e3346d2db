package io.weir.control.parse;

/** Ends the reading of a document whose structure is unusable. Never leaves this package. */
final class Refused extends Exception {
  final transient RuleProblem problem;

  Refused(RuleProblem problem) {
    super(problem.toString(), null, false, false);
    this.problem = problem;
  }
}
