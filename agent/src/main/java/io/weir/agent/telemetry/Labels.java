package io.weir.agent.telemetry;

import io.weir.engine.measure.Metric.Label;

/** Labels that metrics of several subjects have. */
final class Labels {
  static final Label SERVICE = text("service");
  static final Label SIDE = text("side");
  static final Label RULE = text("rule");
  static final Label MODE = text("mode");
  static final Label EXCEEDED = new Label("rate_limit.exceeded", Label.Type.FLAG);
  static final Label CIRCUIT = text("circuit.state");
  static final Label ERROR = text("error.type");

  private Labels() {}

  static Label text(String name) {
    return new Label(name, Label.Type.TEXT);
  }
}
