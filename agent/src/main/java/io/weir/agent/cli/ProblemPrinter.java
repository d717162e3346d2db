package io.weir.agent.cli;

import io.weir.control.parse.RuleProblem;
import java.util.Map;

/** How what is wrong with a rule is shown. */
final class ProblemPrinter {
  private ProblemPrinter() {}

  /** {@code rules/service/a/rate-limit.yaml:1:6 WEIR1102 qps is -1: expected ...}. */
  static String line(CliOutput out, Documents.Document d, RuleProblem p) {
    StringBuilder s = new StringBuilder(d.origin);
    if (p.line > 0) {
      s.append(':').append(p.line).append(':').append(p.column);
    }
    s.append(' ')
        .append(out.ink(p.refusal ? CliOutput.Ink.BAD : CliOutput.Ink.DOUBTFUL, p.code.toString()));
    s.append(p.refusal ? " refused: " : " warning: ");
    if (!p.field.isEmpty()) {
      s.append(p.field).append(p.value.isEmpty() ? "" : " is " + p.value).append(": ");
    }
    s.append(p.expectation);
    if (p.suggestion != null) {
      s.append("; did you mean ").append(p.suggestion).append('?');
    }
    return s.toString();
  }

  static Map<String, Object> object(Documents.Document d, RuleProblem p) {
    return Json.object(
        "code", p.code,
        "refusal", p.refusal,
        "key", d.key.key,
        "origin", d.origin,
        "line", p.line,
        "column", p.column,
        "field", p.field,
        "value", p.value,
        "expected", p.expectation,
        "did_you_mean", p.suggestion);
  }
}
