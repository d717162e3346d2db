package io.weir.agent.run;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.engine.call.HealthChecks;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What the configuration takes for health checks. */
final class HealthPaths {
  private HealthPaths() {}

  /**
   * @param warn told of each path that is left out
   */
  static HealthChecks of(Config config, Consumer<String> warn) {
    String given = config.get(PropertyKey.HEALTH_PATHS);
    if (given != null && given.trim().equals("none")) {
      return new HealthChecks(Collections.<String>emptyList());
    }
    List<String> paths = new ArrayList<String>();
    for (String p : given == null ? new String[0] : given.split(",")) {
      String path = p.trim();
      if (path.startsWith("/")) {
        paths.add(path);
      } else if (!path.isEmpty()) {
        warn.accept(
            PropertyKey.HEALTH_PATHS.propertyName()
                + ": '"
                + path
                + "' is no path, expected /PATH,/PATH... or none; it is left out");
      }
    }
    if (given == null) {
      paths.addAll(HealthChecks.PATHS);
    }
    paths.add(config.get(PropertyKey.HEALTH_PATH, "/healthz"));
    return new HealthChecks(paths);
  }

  /** For the status key: null where they are those that everybody expects. */
  static @Nullable List<String> told(Config config) {
    List<String> paths = of(config, warning -> {}).paths();
    return paths.equals(HealthChecks.DEFAULT.paths()) ? null : paths;
  }
}
