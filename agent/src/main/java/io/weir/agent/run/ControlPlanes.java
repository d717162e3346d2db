package io.weir.agent.run;

import io.weir.agent.admin.AdminAccess;
import io.weir.agent.admin.AdminServer;
import io.weir.agent.admin.Pages;
import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.agent.coverage.Coverage;
import io.weir.agent.log.AgentLog;
import io.weir.agent.telemetry.RecentLatencies;
import io.weir.agent.telemetry.Telemetry;
import io.weir.agent.weave.Hooks;
import io.weir.agent.weave.Host;
import io.weir.control.ControlOptions;
import io.weir.control.ControlPlane;
import io.weir.control.etcd.EtcdOptions;
import io.weir.control.fleet.FleetCoordinator;
import io.weir.control.loop.Log;
import io.weir.control.registry.InstanceDescription;
import io.weir.control.registry.Registry;
import io.weir.control.tune.RateTuning;
import io.weir.engine.decision.DecisionLog;
import io.weir.engine.gate.Engine;
import io.weir.engine.rules.RuleBook;
import java.io.File;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Chooses and starts what brings the rules. Loaded only after {@code main} has begun. */
final class ControlPlanes {
  /** Where OpenTelemetry's own Prometheus exporter listens by default. */
  private static final String PROMETHEUS_PORT = "9464";

  private ControlPlanes() {}

  static void start(
      Config config, final Engine engine, Host host, Hooks hooks, CoverageWatch watch, File jar) {
    final String mode = config.get(PropertyKey.MODE, "enforce").toLowerCase(Locale.ROOT);
    if (mode.equals("off")) {
      return;
    }
    host.weaveJdk(); // here, where nobody waits for it; no rule is in force yet
    final boolean shadow = mode.equals("shadow");
    ControlOptions options;
    try {
      options = options(config, engine.service(), jar);
    } catch (IllegalArgumentException wrong) {
      AgentLog.get()
          .warn("no rules will be in force, the configuration is wrong: " + wrong.getMessage());
      return;
    }
    Log log = new AgentLogSink();
    final RateTuning tuning = new RateTuning(engine, Cpu::share, log);
    final ControlPlane plane =
        ControlPlane.start(
            options,
            (RuleBook book) -> {
              engine.apply(shadow ? book.inShadow() : book);
              tuning.rulesChanged();
              if (engine.propagation().isActive()) {
                host.coloursMatter();
              }
            },
            log);
    plane.startTuning(tuning);
    plane.reportServedCalls(engine);
    plane.reportLatencies(new RecentLatencies(engine, RecentLatencies.MOST));
    new RefusalLog(engine, plane.loop(), log).start();
    Registry registry =
        plane.shared() != null && config.flag(PropertyKey.REGISTER, true) && config.named()
            ? new Registry(
                plane.shared(),
                plane.loop(),
                self(config, engine.service()),
                plane::reportAddress,
                log)
            : null;
    Coverage coverage = watch.start(plane, log);
    Telemetry telemetry = telemetry(config, engine, hooks, plane, registry, coverage);
    admin(config, engine, hooks, plane, telemetry, coverage);
    if (plane.shared() != null) {
      plane.listen(
          new FleetCoordinator(
              plane.shared(),
              plane.loop(),
              engine,
              Identity.of(config),
              config.get(PropertyKey.ZONE, ""),
              log));
    }
    if (registry != null) {
      plane.whenRulesRead(() -> registry.follow(engine.ports()));
    }
    Shutdown.install(
        plane,
        registry,
        telemetry,
        Durations.millis(PropertyKey.DRAIN_MS, config.get(PropertyKey.DRAIN_MS, "5000")));
  }

  private static Telemetry telemetry(
      Config config,
      Engine engine,
      Hooks hooks,
      ControlPlane plane,
      @Nullable Registry registry,
      Coverage coverage) {
    long interval = 60_000;
    try {
      interval =
          Durations.millis(
              PropertyKey.METRICS_INTERVAL, config.get(PropertyKey.METRICS_INTERVAL, "60s"));
    } catch (IllegalArgumentException e) {
      AgentLog.get().warn(e.getMessage() + "; going on with 60s");
    }
    return Telemetry.start(
        config,
        engine,
        plane::health,
        plane::report,
        hooks::failOpenCount,
        plane::failures,
        registry,
        coverage::findings,
        Identity.of(config),
        interval);
  }

  private static void admin(
      Config config,
      Engine engine,
      Hooks hooks,
      ControlPlane plane,
      Telemetry telemetry,
      Coverage coverage) {
    boolean scraped = "prometheus".equalsIgnoreCase(config.get(PropertyKey.METRICS_EXPORTER));
    String port = config.get(PropertyKey.ADMIN_PORT);
    port = port == null && scraped ? PROMETHEUS_PORT : port;
    if (port == null) {
      if (config.get(PropertyKey.ADMIN_HOST) != null) {
        AgentLog.get().warn("weir.admin.host does nothing without weir.admin.port");
      }
      return;
    }
    try {
      AdminAccess access = AdminAccess.of(config);
      int n = Integer.parseInt(port);
      if (n < 0 || n > 65535) {
        throw new NumberFormatException();
      }
      engine.measuring().start();
      DecisionLog decisions =
          new DecisionLog(
              Long.toString(System.nanoTime() & 0xfffff, 36),
              config.flag(PropertyKey.DECISIONS_HEADER, false));
      engine.listeners().add(decisions);
      AdminServer server =
          Pages.of(
              access,
              engine,
              plane,
              config,
              hooks::failOpenCount,
              Agent.version(),
              telemetry.readings(),
              decisions,
              coverage);
      server.start(n);
      AgentLog.get()
          .info(
              "admin endpoint on "
                  + server.url()
                  + "/health (/config /rules /coverage /latency /decisions /metrics)");
    } catch (NumberFormatException e) {
      AgentLog.get()
          .warn(
              PropertyKey.ADMIN_PORT.propertyName()
                  + ": '"
                  + port
                  + "' is no port, expected 0 to 65535; no admin endpoint");
    } catch (IllegalArgumentException | IllegalStateException e) {
      AgentLog.get().warn(e.getMessage() + "; no admin endpoint");
    }
  }

  private static InstanceDescription self(Config config, String service) {
    return new InstanceDescription(
        service,
        config.get(PropertyKey.INSTANCE_ADDRESS),
        config.get(PropertyKey.HEALTH_PATH, "/healthz"),
        config.get(PropertyKey.VERSION),
        config.get(PropertyKey.REGION),
        config.get(PropertyKey.ZONE),
        config.all(PropertyKey.LABELS));
  }

  private static ControlOptions options(Config config, String service, File jar) {
    ControlOptions.Builder b =
        ControlOptions.builder()
            .service(service)
            .instance(Identity.of(config))
            .agentVersion(Agent.version())
            .healthPaths(HealthPaths.told(config))
            .infrastructure(InfrastructureAddresses.told(config));
    Path directory = RuleSource.directory(config, jar);
    if (directory != null) {
      b.directory(directory);
    } else if (RuleSource.isConfigured(config, jar)) {
      EtcdOptions etcd = RuleSource.etcd(config);
      String warning = RuleSource.warning(etcd);
      if (warning != null) {
        AgentLog.get().warn(warning);
      }
      b.etcd(etcd);
    } else {
      AgentLog.get()
          .warn(
              "no rules are configured, so nothing is governed and no etcd is asked: set"
                  + " weir.etcd.endpoints=http://HOST:2379 or weir.rules=file:DIR");
    }
    String snapshots = config.get(PropertyKey.SNAPSHOT_DIR);
    return b.snapshotDirectory(snapshots == null ? null : Paths.get(snapshots)).build();
  }
}
