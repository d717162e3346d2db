package io.weir.control.feed;

import io.weir.control.json.JsonText;
import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleProblem;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The rules that an instance runs and those it refused, for status and telemetry. Immutable. */
public final class InstanceReport {
  static final InstanceReport EMPTY =
      new InstanceReport(
          0, false, Collections.<Line>emptyList(), Collections.<RuleProblem>emptyList(), 0);

  /** The newest revision of the rules. Every rule up to it is in force or among the refused. */
  public final long revision;

  /** Whether the kill switch for everything is on. */
  public final boolean off;

  /** One for each rule key and kill switch, in key order; of registrations only the refused. */
  public final List<Line> lines;

  /** All present refusals and warnings. */
  public final List<RuleProblem> problems;

  /** The number of refusals since the start. */
  public final long rejected;

  InstanceReport(
      long revision, boolean off, List<Line> lines, List<RuleProblem> problems, long rejected) {
    this.revision = revision;
    this.off = off;
    this.lines = Collections.unmodifiableList(lines);
    this.problems = Collections.unmodifiableList(problems);
    this.rejected = rejected;
  }

  /** The state of one key. Immutable. */
  public static final class Line {
    public final RuleKey key;

    /** The ids of the key's rules in force. */
    public final List<String> ids;

    /** The revision of the text in force; 0: none is. */
    public final long applied;

    /** The revision of the refused text; 0: the newest text is in force. */
    public final long rejected;

    /** Why the newest text was refused; null: it is in force. */
    public final @Nullable RuleProblem refusal;

    Line(
        RuleKey key, List<String> ids, long applied, long rejected, @Nullable RuleProblem refusal) {
      this.key = key;
      this.ids = Collections.unmodifiableList(ids);
      this.applied = applied;
      this.rejected = rejected;
      this.refusal = refusal;
    }

    /** {@code SYNCED} or {@code REJECTED}. */
    public String state() {
      return refusal == null ? "SYNCED" : "REJECTED";
    }
  }

  /** As the other method, for an instance that is not registered. */
  public String toJson(String service, String agent) {
    return toJson(service, agent, Collections.<String>emptyList(), "", "", "", "", null, null);
  }

  private static void list(StringBuilder s, String name, @Nullable Collection<String> texts) {
    if (texts == null) {
      return;
    }
    String before = ",\"" + name + "\":[";
    for (String text : texts) {
      JsonText.quote(s.append(before), text);
      before = ",";
    }
    s.append(texts.isEmpty() ? before + "]" : "]");
  }

  /**
   * The value of the status key, JSON on one line. It contains the revision, the refusals (twenty
   * at most) and the rules of this instance's own service, but not those of others: with ten
   * thousand rules, each push would make every instance write all of them. A key that is not listed
   * is in force as of {@code revision}.
   *
   * @param service this instance's service
   * @param agent the agent's version
   * @param addresses {@code host:port} of each registration of this instance
   * @param auto the tuned rules, a JSON array; empty: none
   * @param served how the calls that this instance served ended, a JSON object; empty while no
   *     caller votes to open the service's breaker
   * @param latency recent latencies, a JSON array; empty while no {@code top} is open
   * @param coverage the libraries that are loaded, governed or not, a JSON array; empty: not known
   * @param healthPaths the configured paths of health checks; null: the default paths
   * @param infrastructure declared addresses that no rule under {@code *} is about, in addition to
   *     the usual ones; null: none are declared
   */
  public String toJson(
      String service,
      String agent,
      Collection<String> addresses,
      String auto,
      String served,
      String latency,
      String coverage,
      @Nullable Collection<String> healthPaths,
      @Nullable Collection<String> infrastructure) {
    StringBuilder s = new StringBuilder(256);
    s.append("{\"revision\":").append(revision).append(",\"state\":");
    int rejections = 0;
    for (Line l : lines) {
      rejections += l.refusal == null ? 0 : 1;
    }
    s.append(rejections == 0 ? "\"SYNCED\"" : "\"REJECTED\"");
    s.append(",\"rejections\":").append(rejections);
    s.append(",\"off\":").append(off).append(",\"agent\":");
    JsonText.quote(s, agent);
    list(s, "addresses", addresses.isEmpty() ? null : addresses);
    list(s, "health_paths", healthPaths);
    list(s, "infrastructure", infrastructure);
    s.append(auto.isEmpty() ? "" : ",\"auto\":").append(auto);
    s.append(served.isEmpty() ? "" : ",\"served\":").append(served);
    s.append(coverage.isEmpty() ? "" : ",\"coverage\":").append(coverage);
    s.append(latency.isEmpty() ? "" : ",\"latency\":").append(latency).append(",\"rules\":[");
    int written = 0;
    int refused = 0;
    for (Line l : lines) {
      boolean own = l.key.service.equals(service) || l.key.service.equals("*");
      if (l.refusal == null ? !own || written - refused >= 100 : refused >= 20) {
        continue;
      }
      refused += l.refusal == null ? 0 : 1;
      s.append(written++ == 0 ? "" : ",").append("{\"key\":");
      JsonText.quote(s, l.key.key).append(",\"ids\":[");
      for (int i = 0; i < l.ids.size(); i++) {
        JsonText.quote(s.append(i == 0 ? "" : ","), l.ids.get(i));
      }
      s.append("],\"revision\":").append(l.applied);
      s.append(",\"state\":\"").append(l.state()).append('"');
      if (l.refusal != null) {
        s.append(",\"rejected_revision\":").append(l.rejected).append(",\"code\":");
        JsonText.quote(s, l.refusal.code.toString()).append(",\"reason\":");
        JsonText.quote(s, l.refusal.toString());
      }
      s.append('}');
    }
    return s.append("]}").toString();
  }
}
