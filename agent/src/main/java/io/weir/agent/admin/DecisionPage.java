package io.weir.agent.admin;

import io.weir.control.json.JsonText;
import io.weir.engine.decision.DecisionLog;
import io.weir.engine.decision.DecisionLog.Decision;
import io.weir.engine.instances.Instance;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * {@code /decisions}: the newest first, a hundred of them unless {@code ?n=} says how many; {@code
 * ?id=} one of them.
 */
final class DecisionPage {
  private static final int MOST = 100;

  private final DecisionLog decisions;

  DecisionPage(DecisionLog decisions) {
    this.decisions = decisions;
  }

  String text(String query) {
    List<Decision> shown;
    if (query.startsWith("id=")) {
      Decision d = decisions.find(query.substring("id=".length()));
      shown = d == null ? Collections.<Decision>emptyList() : Collections.singletonList(d);
    } else {
      shown =
          decisions.newest(
              query.matches("n=\\d{1,4}") ? Integer.parseInt(query.substring(2)) : MOST);
    }
    long now = System.nanoTime();
    long wall = System.currentTimeMillis();
    StringBuilder out = new StringBuilder("{\"made\":").append(decisions.count());
    out.append(",\"kept\":").append(DecisionLog.SIZE);
    out.append(",\"dropped\":").append(decisions.dropped()).append(",\"decisions\":[");
    String comma = "\n";
    for (Decision d : shown) {
      out.append(comma).append("{\"id\":").append(JsonText.quote(d.id));
      out.append(",\"at\":\"")
          .append(Instant.ofEpochMilli(wall - (now - d.at) / 1_000_000))
          .append('"');
      out.append(",\"side\":\"").append(d.inbound ? "server" : "client").append('"');
      text(out, "service", d.service);
      if (d.refusal == null) {
        Instance i = Objects.requireNonNull(d.instance); // what is not refused is routed
        text(out, "verdict", "routed");
        text(out, "instance", i.toString());
        text(out, "version", i.version());
        text(out, "region", i.region());
        text(out, "arm", d.arm);
      } else {
        text(out, "verdict", "refused");
        text(out, "by", d.refusal.kind().name().toLowerCase(java.util.Locale.ROOT));
        text(out, "rule", d.refusal.ruleId());
        text(out, "because", d.refusal.description());
        out.append(",\"status\":").append(d.refusal.status());
        out.append(",\"retry_after_ms\":").append(d.retryAfterNanos / 1_000_000);
        text(out, "method", d.method);
        text(out, "path", d.path);
      }
      out.append('}');
      comma = ",\n";
    }
    return out.append("]}\n").toString();
  }

  private static void text(StringBuilder out, String name, @Nullable String value) {
    if (value != null) {
      out.append(",\"").append(name).append("\":").append(JsonText.quote(value));
    }
  }
}
