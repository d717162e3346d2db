package io.weir.control.feed;

import io.weir.control.json.JsonText;
import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleProblem;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an instance runs, and what it refused: for status, telemetry and people. Immutable. */
public final class InstanceReport {
  static final InstanceReport EMPTY =
      new InstanceReport(
          0, false, Collections.<Line>emptyList(), Collections.<RuleProblem>emptyList(), 0);

  /** The newest revision whose rules were looked at: all of them are in force or refused here. */
  public final long revision;

  /** The kill switch for everything is on. */
  public final boolean off;

  /** One per rule key and kill switch, by key; of instances only the refused ones. */
  public final List<Line> lines;

  /** Everything there is to complain about now. */
  public final List<RuleProblem> problems;

  /** Refusals since the start. */
  public final long rejected;

  InstanceReport(
      long revision, boolean off, List<Line> lines, List<RuleProblem> problems, long rejected) {
    this.revision = revision;
    this.off = off;
    this.lines = Collections.unmodifiableList(lines);
    this.problems = Collections.unmodifiableList(problems);
    this.rejected = rejected;
  }

  /** One key. Immutable. */
  public static final class Line {
    public final RuleKey key;

    /** Of the rules in force. */
    public final List<String> ids;

    /** The revision of the text in force, 0 when there is none. */
    public final long applied;

    /** The revision of the refused text, 0 when the newest is in force. */
    public final long rejected;

    /** Why it was refused, or null. */
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

  /** As below, of an instance that is not registered. */
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
   * The value of the status key, JSON on one line. It tells the revision, every refusal (twenty at
   * most) and the rules of this instance's own service: a fleet that runs ten thousand rules must
   * not write them all back for each push. A key that is not named is in force as of {@code
   * revision}.
   *
   * @param service this instance's own
   * @param agent version of the agent
   * @param addresses {@code host:port} this instance is registered under, if any
   * @param auto what the closed loops have done, a JSON array; or empty
   * @param served how the calls ended that this instance served, a JSON object; empty while no
   *     caller doubts the service
   * @param latency how long calls took lately, a JSON array; empty while no {@code top} is open
   * @param coverage the libraries that are loaded, governed or not, a JSON array; or empty
   * @param healthPaths what this instance takes for health checks; null: the default paths
   * @param infrastructure addresses that no rule under {@code *} is about; null: the usual ones
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
