package io.weir.control.parse;

import static io.weir.control.parse.FieldSpec.bool;
import static io.weir.control.parse.FieldSpec.integer;
import static io.weir.control.parse.FieldSpec.number;
import static io.weir.control.parse.FieldSpec.object;
import static io.weir.control.parse.FieldSpec.objects;
import static io.weir.control.parse.FieldSpec.share;
import static io.weir.control.parse.FieldSpec.shareOr;
import static io.weir.control.parse.FieldSpec.shares;
import static io.weir.control.parse.FieldSpec.text;
import static io.weir.control.parse.FieldSpec.textMap;
import static io.weir.control.parse.FieldSpec.texts;
import static io.weir.control.parse.FieldSpec.word;

import io.weir.engine.match.MatchParser;

/**
 * The field tables of all documents. The parser, the shipped JSON Schema and the tables in
 * docs/rules.md are made from them.
 */
final class FieldTables {
  private static final long DAY_MS = 86_400_000L;
  private static final double DAY = 86_400;

  /** ID, TYPE and VERSION are fields of the envelope; a bare rule may have them, too. */
  static final FieldSpec ID =
      text("id", 253, "identifies the rule across edits; default: from the key");

  static final FieldSpec TYPE = text("type", 32, "must agree with the key");
  static final FieldSpec VERSION =
      text("version", 16, "of the format; 1.0 for a bare rule, 2.1 is the newest");

  private static final FieldSpec ENABLED =
      bool("enabled", true, "false: the rule is kept and shown but does nothing");
  private static final FieldSpec MODE =
      word("mode", "shadow: evaluated and counted, refuses nobody", "enforce", "shadow");
  private static final FieldSpec MATCH =
      text("match", MatchParser.MAX_LENGTH, "which calls; all when absent");

  private static final FieldSpec INCLUDE_HEALTH =
      bool("include_health", false, "true: health checks are among the calls; else they pass");

  private static final FieldTable RESPONSE_SHAPE =
      FieldTable.of(
          integer("status", 200, 599, null, "HTTP status; default 429 limiter, 503 else"),
          textMap("headers", 32, "further response headers; none of framing or connection"),
          text("body", 65_536, "body; default problem+json"),
          bool("throw", false, "outbound HTTP: an IOException instead of an answer"));
  private static final FieldSpec RESPONSE =
      object("response", RESPONSE_SHAPE, "what a refused caller sees");

  private static final FieldTable ADAPTIVE =
      FieldTable.of(
          integer("min", 1, 1_000_000, 1L, "never below"),
          integer("initial", 1, 1_000_000, null, "where it starts; 20, within its bounds"),
          number(
              "tolerance",
              1.05,
              10,
              1.5,
              "calls may take so many times what an unhurried one does"));
  private static final FieldTable AUTO =
      FieldTable.of(
          word("metric", "what is held", "p99", "error-ratio", "cpu"),
          number("target", 0.001, 600_000, null, "ms of p99; error-ratio, cpu: 0 to 1").must(),
          number("min_qps", 0.01, 1e9, null, "never below").must(),
          number("max_qps", 0.01, 1e9, null, "never above").must());

  static final FieldTable LIMIT =
      FieldTable.of(
          ID,
          TYPE,
          VERSION,
          ENABLED,
          number("qps", 0, 1e9, null, "calls per second, fractions allowed; 0 refuses all")
              .mustUnless("max_concurrent", "auto")
              .alias("rate"),
          integer("burst", 1, 1_000_000_000_000L, null, "calls at once after idling; max(1, qps)")
              .alias("capacity"),
          texts("by", 8, "", "one bucket per distinct combination of these attributes")
              .alias("keys"),
          MATCH,
          INCLUDE_HEALTH,
          bool(
              "include_management",
              false,
              "true: calls to management ports are among the calls; else they pass"),
          word("side", "client: limits calls to the service, made by a JVM", "server", "client"),
          word(
              "scope",
              "cluster: qps is shared by all instances; service means instance",
              "instance",
              "service",
              "cluster"),
          integer("max_wait_ms", 0, 600_000, 0L, "longest paced wait beyond the burst"),
          integer("max_keys", 1, 10_000_000, 100_000L, "bound on buckets"),
          word("on_missing", "what a call without the key gets", "shared", "skip", "reject"),
          integer("cost", 1, 1_000_000, 1L, "tokens a call takes, at most burst"),
          integer("max_concurrent", 1, 1_000_000, null, "calls under way at once, per instance"),
          object("adaptive", ADAPTIVE, "max_concurrent is the bound of a limit that adapts"),
          object("auto", AUTO, "qps follows this instance's health; it starts at qps, or max_qps"),
          MODE,
          RESPONSE);

  private static final FieldTable OUTCOMES =
      FieldTable.of(
          texts("status", 64, "", "HTTP: 5xx, 503, 500-504"),
          texts("exceptions", 64, "", "class names, superclasses count"),
          texts("grpc", 17, "", "gRPC status names"));
  private static final FieldTable RECORDED =
      FieldTable.of(
          texts("status", 64, "5xx", "HTTP: 5xx, 503, 500-504"),
          texts("exceptions", 64, "java.lang.Throwable", "class names, superclasses count"),
          texts("grpc", 17, "UNAVAILABLE,DEADLINE_EXCEEDED,INTERNAL,UNKNOWN", "gRPC status names"));
  private static final FieldTable WINDOW =
      FieldTable.of(
          word("type", "calls or time", "count", "time"),
          integer("size", 1, 10_000, 20L, "calls, of a count window"),
          integer("seconds", 1, 600, 10L, "seconds, of a time window"));

  static final FieldTable BREAKER =
      FieldTable.of(
          ID,
          TYPE,
          VERSION,
          ENABLED,
          object("window", WINDOW, "what is looked at"),
          integer("min_calls", 1, 1_000_000, null, "no verdict before; 20, or a smaller window"),
          number("failure_ratio", 0.001, 1, 0.6, "opens at this share of failures or more")
              .alias("error_ratio"),
          integer("slow_call_ms", 0, DAY_MS, 0L, "calls slower than this are slow; 0: none is"),
          number("slow_ratio", 0.001, 1, 1.0, "opens at this share of slow calls or more"),
          integer("consecutive_failures", 0, 1_000_000, 0L, "opens after so many in a row; 0: off"),
          number("min_seconds", 0, 600, 1.0, "failures closer together than this open nothing"),
          number("open_seconds", 0.01, DAY, 60.0, "stays open so long before it probes"),
          number("max_open_seconds", 0.01, DAY, null, "bound on its growth; 300 or open_seconds"),
          integer("probe_successes", 1, 1000, 3L, "good probes in a row that close it"),
          integer("probe_timeout_ms", 1, 600_000, 5000L, "a probe slower than this failed"),
          object("record", RECORDED, "what counts as failure"),
          object("ignore", OUTCOMES, "what does not count at all"),
          shareOr(
              "quorum",
              "auto",
              1,
              10_000,
              "instances that must see the failures; auto: two, or one that nobody contradicts"),
          word("sharing", "through etcd, or this instance's own", "fleet", "local"),
          number("ramp_seconds", 0, DAY, 10.0, "after closing, traffic rises from 10 % to 100 %"),
          integer(
              "max_ejection_percent", 0, 100, 10L, "instances that may be out at once; 0: none"),
          word(
              "hosts",
              "which hosts without rule and instance a rule under * is about; inside: names that"
                  + " cannot be public, and domains of weir.colour.to",
              "inside",
              "any"),
          word("force", "an operator's hand, never expires", "none", "open", "closed"),
          MATCH,
          INCLUDE_HEALTH,
          MODE,
          RESPONSE);

  private static final FieldSpec ARM_VERSION = text("version", 253, "instances of this version");
  private static final FieldSpec LABELS =
      textMap("labels", 32, "labels the instances carry: a, a|b for one of a set, a* for a prefix");
  private static final FieldSpec WEIGHT =
      share("weight", 0, 1_000_000, "100", "share of the calls, relative to the other arms");
  private static final FieldTable ARM = FieldTable.of(ARM_VERSION, LABELS, WEIGHT);
  private static final FieldTable ROUTE_ROW =
      FieldTable.of(
          MATCH,
          objects("to", ARM, 64, "where the calls go").must(),
          text("sticky", 253, "an attribute; the same value always gets the same arm"),
          word("fallback", "when an arm has no live instance", "none", "any", "default"),
          textMap("set_headers", 32, "headers put on the call; none of framing or connection"),
          integer("timeout_ms", 0, DAY_MS, 0L, "0: none"));
  private static final FieldTable AB =
      FieldTable.of(
          text("header", 253, "names the arm, and carries the decision downstream"),
          text("query", 253, "query parameter that names the arm"),
          text("user", 1024, "attributes separated by |; the first present is hashed"),
          shares("arms", 0, 1_000_000, "versions and their shares").must());
  private static final FieldTable TABLE_ROW = FieldTable.of(WEIGHT, ARM_VERSION, LABELS, MATCH);

  static final FieldTable ROUTE =
      FieldTable.of(
          ID,
          TYPE,
          VERSION,
          ENABLED,
          objects("routes", ROUTE_ROW, 1000, "first match wins, top to bottom"),
          objects("default", ARM, 64, "where calls go that no route matches").alias("defaults"),
          objects("table", TABLE_ROW, 64, "the short spelling: weight, version, match"),
          object("ab", AB, "an experiment among the calls that no route matches"),
          text("sticky", 253, "for the table and for routes that say nothing else"),
          object(
              "region",
              FieldTable.of(
                  word("prefer", "near instances first", "any", "same"),
                  number("spill_below", 0, 1, 0.714, "goes farther under this share available")),
              "third layer"),
          word(
              "balance",
              "how one instance is picked",
              "least-in-flight",
              "round-robin",
              "rendezvous"),
          text("hash_on", 253, "attribute that rendezvous hashes; default: sticky"),
          text("salt", 253, "of sticky hashes; default: the rule's id"),
          MATCH,
          MODE);

  static final FieldTable ENVELOPE = FieldTable.of(ID, TYPE, VERSION);

  static final FieldTable INSTANCE =
      FieldTable.of(
          text("region", 253, "for example cn-east-2"),
          text("zone", 253, "for example cn-east-2a"),
          text("version", 253, "of the program"),
          textMap("labels", 64, "for routing"),
          integer("weight", 0, 1_000_000, 100L, "relative to other instances"),
          text("protocol", 32, "http or grpc"),
          bool("leaving", false, "true: about to go, gets no calls"));

  private FieldTables() {}

  static FieldTable of(RuleKey.Kind kind) {
    return kind == RuleKey.Kind.LIMIT ? LIMIT : kind == RuleKey.Kind.BREAKER ? BREAKER : ROUTE;
  }
}
