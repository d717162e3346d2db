package io.weir.agent.cli;

import io.weir.engine.call.HealthChecks;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which calls a service takes for health checks: its instances tell their configured paths by their
 * status keys. Immutable.
 */
final class Probes {
  final HealthChecks checks;

  /** What is not known about them, for a human; null: nothing. */
  final @Nullable String doubt;

  private Probes(HealthChecks checks, @Nullable String doubt) {
    this.checks = checks;
    this.doubt = doubt;
  }

  /** Of a service whose instances nobody could ask. */
  static Probes unknown(String service) {
    return new Probes(
        HealthChecks.DEFAULT,
        "no instance of "
            + service
            + " tells which paths are its health checks: the default ones are assumed");
  }

  static Probes of(List<LiveInstances.Member> members, String service) {
    LiveInstances.Member first = null;
    for (LiveInstances.Member m : members) {
      if (!m.service.equals(service)) {
        continue;
      }
      if (first != null && !first.healthChecks.paths().equals(m.healthChecks.paths())) {
        return new Probes(
            first.healthChecks,
            "instances of "
                + service
                + " take different paths for health checks: here it is those of "
                + first.instance
                + ", "
                + first.healthChecks.paths());
      }
      first = first == null ? m : first;
    }
    return first == null ? unknown(service) : new Probes(first.healthChecks, null);
  }
}
