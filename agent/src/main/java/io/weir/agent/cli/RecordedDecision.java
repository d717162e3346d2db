package io.weir.agent.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A decision that an instance made, as its admin endpoint tells it. */
final class RecordedDecision {
  private static final int TIMEOUT_MILLIS = 5000;

  private RecordedDecision() {}

  /**
   * @param admin URL of the endpoint
   * @param token what it wants to see, or null
   * @throws Trouble when it does not answer, or does not know the decision
   */
  static int explain(String admin, String id, @Nullable String token, CliOutput out) {
    if (!id.matches("[0-9a-z-]{1,64}")) {
      throw new CliException(CliFault.USAGE, "'" + id + "' is no id: X-Weir-Decision has one");
    }
    List<Map<String, Object>> found =
        Json.objects(Json.readObject(get(admin, id, token)), "decisions");
    if (found.isEmpty()) {
      throw new CliException(
          CliFault.NO_DECISION, admin + " has no decision " + id + ": the last 1024 are kept");
    }
    Map<String, Object> d = found.get(0);
    if (out.json) {
      out.json(d);
      return Exit.OK;
    }
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"WHAT", "VALUE"});
    for (Map.Entry<String, Object> e : d.entrySet()) {
      rows.add(new String[] {e.getKey(), String.valueOf(e.getValue())});
    }
    out.table(rows);
    return Exit.OK;
  }

  private static String get(String admin, String id, @Nullable String token) {
    try {
      HttpURLConnection c =
          (HttpURLConnection) URI.create(admin + "/decisions?id=" + id).toURL().openConnection();
      c.setConnectTimeout(TIMEOUT_MILLIS);
      c.setReadTimeout(TIMEOUT_MILLIS);
      if (token != null) {
        c.setRequestProperty("Authorization", "Bearer " + token);
      }
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      try (InputStream in = c.getInputStream()) {
        byte[] b = new byte[8192];
        for (int n; (n = in.read(b)) > 0; ) {
          all.write(b, 0, n);
        }
      }
      return all.toString("UTF-8");
    } catch (IOException | IllegalArgumentException | ClassCastException e) {
      throw new CliException(
          CliFault.NO_DECISION, "no admin endpoint answers at " + admin + ": " + e);
    }
  }
}
