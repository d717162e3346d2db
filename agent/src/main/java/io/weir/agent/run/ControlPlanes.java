package io.weir.agent.run;

import io.weir.agent.config.Config;
import io.weir.agent.weave.Hooks;
import io.weir.engine.gate.Engine;

/** Chooses and starts what brings the rules. Loaded only after {@code main} has begun. */
final class ControlPlanes {
  private ControlPlanes() {}

  static void start(Config config, Engine engine, Hooks hooks) {}
}
