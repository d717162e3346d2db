package io.weir.engine.call;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;

/**
 * Recognises health checks: calls by an orchestrator, which stops or replaces an instance that does
 * not answer them. Limits and breakers let them pass, unless a rule includes them.
 *
 * <p>A health check is a {@code GET} or {@code HEAD} of one of the configured paths, normalised by
 * {@link Paths}, with or without the context path of the application. So is gRPC's {@code
 * grpc.health.v1.Health/Check}, but not its {@code Watch}: no orchestrator waits for that.
 *
 * <p>Immutable. Allocates nothing per call.
 */
public final class HealthChecks {
  /** The paths of health checks when none are configured. */
  public static final List<String> PATHS =
      Collections.unmodifiableList(
          Arrays.asList(
              "/healthz",
              "/livez",
              "/readyz",
              "/actuator/health",
              "/actuator/health/liveness",
              "/actuator/health/readiness"));

  /** Recognises {@link #PATHS}. */
  public static final HealthChecks DEFAULT = new HealthChecks(PATHS);

  private static final String GRPC = "/grpc.health.v1.Health/Check";

  private final String[] paths;

  /** Bit {@code n % 64} is set when some path has n characters: a quick test before comparing. */
  private final long lengths;

  /**
   * @param paths in any spelling. Empty: only gRPC health checks are recognised
   */
  public HealthChecks(Collection<String> paths) {
    TreeSet<String> normal = new TreeSet<String>();
    long lengths = 0;
    for (String p : paths) {
      String n = Paths.ofUri(p);
      normal.add(n);
      lengths |= 1L << n.length();
    }
    this.paths = normal.toArray(new String[0]);
    this.lengths = lengths;
  }

  /** The normalised paths, sorted. */
  public List<String> paths() {
    return Collections.unmodifiableList(Arrays.asList(paths));
  }

  /** Whether a call is a health check. */
  public <C> boolean include(AttributeSource<C> source, C call) {
    String method = source.method(call);
    if ("POST".equals(method)) {
      return GRPC.equals(source.path(call));
    }
    if (lengths == 0 || !"GET".equals(method) && !"HEAD".equals(method)) {
      return false;
    }
    String path = source.path(call);
    return path != null && (isPath(path, 0) || isPath(path, source.contextLength(call)));
  }

  /** Whether one of the paths is {@code path} without its first {@code from} characters. */
  private boolean isPath(String path, int from) {
    if ((lengths >>> path.length() - from & 1) != 0) {
      for (String p : paths) {
        if (p.length() == path.length() - from && path.startsWith(p, from)) {
          return true;
        }
      }
    }
    return false;
  }
}
