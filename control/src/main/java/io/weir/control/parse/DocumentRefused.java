package io.weir.control.parse;

/** Ends the reading of a document whose structure is unusable. Never leaves this package. */
final class DocumentRefused extends Exception {
  final transient RuleProblem problem;

  DocumentRefused(RuleProblem problem) {
    super(problem.toString(), null, false, false);
    this.problem = problem;
  }
}
