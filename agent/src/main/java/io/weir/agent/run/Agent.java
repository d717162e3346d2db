package io.weir.agent.run;

import io.weir.agent.config.ApplicationProperties;
import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.agent.coverage.Coverage;
import io.weir.agent.coverage.Libraries;
import io.weir.agent.log.AgentLog;
import io.weir.agent.modules.Modules;
import io.weir.agent.weave.Extensions;
import io.weir.agent.weave.Hooks;
import io.weir.agent.weave.Host;
import io.weir.bootstrap.Bridge;
import io.weir.engine.call.Ticker;
import io.weir.engine.colour.PropagationScope;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServiceAddresses;
import io.weir.engine.instances.Locality;
import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import java.io.File;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The composition root: configuration, engine, weaving, and, once the application's {@code main}
 * has begun, the control plane on its own daemon thread. The one place that wires.
 */
public final class Agent implements Consumer<@Nullable Object[]> {
  /**
   * Called by {@code Premain}, on the thread that runs {@code main} afterwards.
   *
   * @param start options or null, Instrumentation, the agent's File, whether it was attached; the
   *     last becomes whether this JVM is governed now
   */
  @Override
  @SuppressWarnings("NullAway") // only options may be null
  public void accept(@Nullable Object[] start) {
    start[3] =
        start((String) start[0], (Instrumentation) start[1], (File) start[2], (Boolean) start[3]);
  }

  private static boolean start(
      @Nullable String options, Instrumentation instrumentation, File jar, boolean attached) {
    long began = System.nanoTime();
    Config config =
        Config.load(
            options,
            jar.getAbsoluteFile().getParentFile(),
            System.getProperties(),
            System.getenv(),
            () ->
                ApplicationProperties.find(
                    System.getProperties(), System.getenv(), new File("").getAbsoluteFile()));
    configureLog(config);
    AgentLog log = AgentLog.get();
    for (String warning : config.warnings()) {
      log.warn(warning);
    }
    if (!config.named()) {
      log.warn(
          PropertyKey.SERVICE.propertyName()
              + " is not set, and no other name was found: no rule of this service applies to the"
              + " calls it gets, callers cannot find it in the registry, and its metrics are those"
              + " of '"
              + Config.UNKNOWN
              + "'; set -Dweir.service=NAME or spring.application.name");
    }
    String mode = config.get(PropertyKey.MODE, "enforce").toLowerCase(Locale.ROOT);
    if (!config.flag(PropertyKey.ENABLED, true)) {
      log.info(
          "weir "
              + version()
              + " is disabled ("
              + config.origin(PropertyKey.ENABLED.propertyName())
              + ")");
      return false;
    }
    if (!mode.equals("enforce") && !mode.equals("shadow") && !mode.equals("off")) {
      log.warn(
          PropertyKey.MODE.propertyName()
              + ": unknown mode '"
              + mode
              + "', expected enforce, shadow or off; going on with enforce");
    }
    Engine engine =
        new Engine(
            EngineOptions.of(config.get(PropertyKey.SERVICE, Config.UNKNOWN), Ticker.SYSTEM)
                .locality(
                    new Locality(config.get(PropertyKey.REGION), config.get(PropertyKey.ZONE)))
                .addresses(targets(config))
                .propagateTo(reach(config))
                .pacer(new PaceThread()));
    engine.exemptions().healthChecks(HealthPaths.of(config, log::warn));
    engine.exemptions().infrastructure(InfrastructureAddresses.of(config, log::warn));
    engine
        .ports()
        .declare(
            config.ports(PropertyKey.REGISTER_PORTS), config.ports(PropertyKey.MANAGEMENT_PORTS));
    Modules modules = Modules.read(Agent.class.getClassLoader(), log::warn);
    List<WeirModule> switchedOn = switchedOn(modules.all(), config);
    List<Library> covered = modules.covered();
    String directory = config.get(PropertyKey.EXTENSIONS_DIR);
    Extensions extensions = null; // unset, it costs nothing
    if (directory != null) {
      extensions = Extensions.read(new File(directory), modules.all(), switchedOn);
      switchedOn.addAll(switchedOn(extensions.modules(), config));
      covered = new ArrayList<Library>(covered);
      covered.addAll(extensions.covered());
    }
    Coverage coverage =
        new Coverage(
            new Libraries(covered), module -> isSwitchedOff(module, config), Host::isOfAnAgent);
    if (extensions != null) {
      tell(extensions, coverage, log);
    }
    Hooks hooks = new Hooks(switchedOn, engine, coverage, instrumentation, extensions);
    if (!Bridge.claim(hooks)) {
      log.warn("another host of this JVM already governs it; this one stands down");
      return false;
    }
    Host host = new Host(switchedOn, instrumentation, coverage);
    host.install(attached, weavesByTransformer(config));
    if (attached && !isSwitchedOff("opentelemetry", config)) {
      LateOpenTelemetry.announce(instrumentation);
    }
    NativeClasses.initialise();
    Control.startAfterMain(
        config, engine, host, hooks, new CoverageWatch(coverage, instrumentation), jar, attached);
    log.info(
        "weir "
            + version()
            + " governs service '"
            + engine.service()
            + "' (mode "
            + mode
            + (attached ? ", attached to a running JVM" : "")
            + "), ready in "
            + (System.nanoTime() - began) / 1_000_000
            + " ms");
    log.info("configuration " + config.redacted());
    return true;
  }

  private static List<WeirModule> switchedOn(List<WeirModule> modules, Config config) {
    List<WeirModule> on = new ArrayList<WeirModule>();
    for (WeirModule m : modules) {
      if (!isSwitchedOff(m.name(), config)) {
        on.add(m);
      }
    }
    return on;
  }

  private static void tell(Extensions extensions, Coverage coverage, AgentLog log) {
    for (Map.Entry<String, List<String>> e : extensions.taken().entrySet()) {
      log.info("extension " + e.getKey() + ": instrumentation " + String.join(", ", e.getValue()));
    }
    for (Map.Entry<String, String> e : extensions.leftOut().entrySet()) {
      log.warn("extension " + e.getKey() + " is left out: " + e.getValue());
      coverage.leftOut(e.getKey(), e.getValue());
    }
  }

  private static boolean isSwitchedOff(String module, Config config) {
    return "false".equalsIgnoreCase(config.all(PropertyKey.INSTRUMENTATION).get(module));
  }

  private static ServiceAddresses targets(Config config) {
    try {
      return ServiceAddresses.of(config.all(PropertyKey.SERVICES));
    } catch (IllegalArgumentException wrong) {
      AgentLog.get().warn(wrong.getMessage() + "; no address is mapped");
      return ServiceAddresses.NONE;
    }
  }

  private static boolean weavesByTransformer(Config config) {
    String by = config.get(PropertyKey.WEAVING, "auto");
    if (!by.equals("auto") && !by.equals("transformer")) {
      AgentLog.get()
          .warn(
              PropertyKey.WEAVING.propertyName()
                  + ": unknown value '"
                  + by
                  + "', expected auto or transformer; going on with auto");
    }
    return by.equals("transformer");
  }

  private static PropagationScope reach(Config config) {
    try {
      return PropagationScope.of(config.get(PropertyKey.COLOUR_TO, "inside"));
    } catch (IllegalArgumentException wrong) {
      AgentLog.get().warn(wrong.getMessage() + "; the traffic colour stays inside");
      return PropagationScope.INSIDE;
    }
  }

  private static void configureLog(Config config) {
    AgentLog.Level level = AgentLog.Level.INFO;
    File to = null;
    String unknown = null;
    for (String part : config.get(PropertyKey.LOG, "info").split(",")) {
      String p = part.trim();
      if (p.startsWith("file:")) {
        to = new File(p.substring(5));
      } else {
        try {
          level = AgentLog.Level.valueOf(p.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
          unknown = p;
        }
      }
    }
    AgentLog.get().configure(level, to);
    if (unknown != null) {
      AgentLog.get()
          .warn(
              "weir.log: unknown level '"
                  + unknown
                  + "', expected debug, info, warn or off; using info");
    }
  }

  /** From the build, through the jar's {@code inst/weir-version}. */
  public static String version() {
    try (java.io.InputStream in =
        Agent.class.getClassLoader().getResourceAsStream("weir-version")) {
      byte[] b = new byte[64];
      int n = in == null ? -1 : in.read(b);
      return n < 0 ? "dev" : new String(b, 0, n, "UTF-8").trim();
    } catch (IOException e) {
      return "dev";
    }
  }
}
