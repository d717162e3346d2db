package io.weir.control.parse;

/**
 * Ends the reading of a document that cannot be read on: broken text, too large, or a version that
 * is not known. Never leaves this package.
 */
final class DocumentRefused extends Exception {
  final transient RuleProblem problem;

  DocumentRefused(RuleProblem problem) {
    super(problem.toString(), null, false, false);
    this.problem = problem;
  }
}
