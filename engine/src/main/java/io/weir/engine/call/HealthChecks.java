package io.weir.engine.call;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;

/**
 * Tells which calls are health checks: those of an orchestrator that stops or replaces an instance
 * which does not answer them. Limits and breakers let them pass, unless a rule includes them.
 *
 * <p>A health check is a {@code GET} or {@code HEAD} of one of some paths, in the spelling of
 * {@link Paths}, with or without the application's context path; or gRPC's {@code
 * grpc.health.v1.Health/Check}. Its {@code Watch} is none: nobody waits for it.
 *
 * <p>Immutable. Allocates nothing per call.
 */
public final class HealthChecks {
  /** What is taken for a health check when nobody says otherwise. */
  public static final List<String> PATHS =
      Collections.unmodifiableList(
          Arrays.asList(
              "/healthz",
              "/livez",
              "/readyz",
              "/actuator/health",
              "/actuator/health/liveness",
              "/actuator/health/readiness"));

  /** Of {@link #PATHS}. */
  public static final HealthChecks DEFAULT = new HealthChecks(PATHS);

  private static final String GRPC = "/grpc.health.v1.Health/Check";

  private final String[] paths;

  /** Bit n: some path has n characters, modulo 64. */
  private final long lengths;

  /**
   * @param paths may be spelt in any way, and be empty: then only gRPC's are health checks
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

  /** The paths as calls are compared with them, sorted. */
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
    return path != null && (isOne(path, 0) || isOne(path, source.contextLength(call)));
  }

  private boolean isOne(String path, int from) {
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
