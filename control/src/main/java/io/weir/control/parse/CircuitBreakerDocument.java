package io.weir.control.parse;

import io.weir.engine.grpc.GrpcCodes;
import io.weir.engine.rules.CircuitBreakerRule;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Reads documents of the kind {@code circuit-breaker}. */
final class CircuitBreakerDocument {
  private static final Pattern STATUS =
      Pattern.compile("[1-5]xx|[1-5][0-9][0-9](-[1-5][0-9][0-9])?");

  private CircuitBreakerDocument() {}

  static CircuitBreakerRule.Builder read(FieldReader in) {
    CircuitBreakerRule.Builder b = CommonFields.fill(CircuitBreakerRule.builder(), in);
    b.includeHealth(in.bool("include_health"));
    FieldReader window = in.object("window");
    boolean count = window.word("type").equals("count");
    int size = (int) window.integer("size");
    int seconds = (int) window.integer("seconds");
    int minCalls = (int) in.integer("min_calls", count ? Math.min(20, size) : 20);
    if (count) {
      b.countWindow(size);
      if (minCalls > size) {
        in.report(
            ProblemCode.CONTRADICTION,
            "min_calls",
            in.at("min_calls"),
            "the window would never have so many: expected at most its size, " + size);
      }
    } else {
      b.timeWindow(seconds);
      if (in.number("min_seconds") > seconds) {
        in.report(
            ProblemCode.CONTRADICTION,
            "min_seconds",
            in.at("min_seconds"),
            "the window would have forgotten the first failure: expected at most its seconds, "
                + seconds);
      }
    }
    double open = in.number("open_seconds");
    double maxOpen = in.number("max_open_seconds", Math.max(300, open));
    if (maxOpen < open) {
      in.report(
          ProblemCode.CONTRADICTION,
          "max_open_seconds",
          in.at("max_open_seconds"),
          "expected at least open_seconds, " + FieldSpec.plain(open));
    }
    FieldReader record = in.object("record");
    FieldReader ignore = in.object("ignore");
    double quorum = in.share("quorum"); // NaN: auto; negative: a share of the instances
    return b.minCalls(minCalls)
        .failureRatio(in.number("failure_ratio"))
        .slowCallNanos(in.integer("slow_call_ms") * 1_000_000L)
        .slowRatio(in.number("slow_ratio"))
        .consecutiveFailures((int) in.integer("consecutive_failures"))
        .minNanos(nanos(in.number("min_seconds")))
        .openNanos(nanos(open))
        .maxOpenNanos(nanos(maxOpen))
        .probeSuccesses((int) in.integer("probe_successes"))
        .probeTimeoutNanos(in.integer("probe_timeout_ms") * 1_000_000L)
        .record(status(record), record.texts("exceptions"), grpc(record))
        .named(record.has("status"), record.has("grpc"))
        .ignore(status(ignore), ignore.texts("exceptions"), grpc(ignore))
        .quorum(
            Double.isNaN(quorum) || quorum < 0 ? 0 : (int) Math.max(1, quorum),
            quorum < 0 ? -quorum : 0)
        .fleet(in.word("sharing").equals("fleet"))
        .anyHost(in.word("hosts").equals("any"))
        .rampNanos(nanos(in.number("ramp_seconds")))
        .maxEjectionPercent((int) in.integer("max_ejection_percent"))
        .force(in.word("force", CircuitBreakerRule.Force.class))
        .response(CommonFields.response(in));
  }

  private static long nanos(double seconds) {
    return Math.round(seconds * 1e9);
  }

  private static List<String> status(FieldReader in) {
    List<String> all = in.texts("status");
    for (String s : all) {
      boolean range = s.length() == "500-504".length();
      if (!STATUS.matcher(s).matches()
          || range && s.substring(0, 3).compareTo(s.substring(4)) > 0) {
        in.report(
            ProblemCode.KIND,
            "status",
            in.at("status"),
            "'" + RuleProblem.quote(s) + "': expected 5xx, 503 or 500-504");
      }
    }
    return all;
  }

  private static List<String> grpc(FieldReader in) {
    List<String> all = in.texts("grpc");
    for (String s : all) {
      if (!GrpcCodes.NAMES.contains(s)) {
        String near = Spelling.nearest(s.toUpperCase(Locale.ROOT), GrpcCodes.NAMES);
        in.report(
            ProblemCode.WORD,
            "grpc",
            in.at("grpc"),
            "'"
                + RuleProblem.quote(s)
                + "' is no gRPC status"
                + (near == null ? "" : "; did you mean " + near + "?"));
      }
    }
    return all;
  }
}
