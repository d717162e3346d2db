package io.weir.agent.run;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.engine.call.InfrastructureClients;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What the configuration takes for telemetry, registries and configuration servers. */
final class InfrastructureAddresses {
  private InfrastructureAddresses() {}

  /**
   * @param warn told of each address that is left out
   */
  static InfrastructureClients of(Config config, Consumer<String> warn) {
    List<String> addresses = new ArrayList<String>();
    for (String part : config.get(PropertyKey.INFRASTRUCTURE, "").split(",")) {
      String address = part.trim();
      if (address.isEmpty()) {
        continue;
      }
      try {
        new InfrastructureClients(Collections.singletonList(address));
        addresses.add(address);
      } catch (IllegalArgumentException wrong) {
        warn.accept(
            PropertyKey.INFRASTRUCTURE.propertyName()
                + ": "
                + wrong.getMessage()
                + "; it is left out");
      }
    }
    return new InfrastructureClients(addresses);
  }

  /** For the status key: null where there are only those that everybody expects. */
  static @Nullable List<String> told(Config config) {
    List<String> addresses = of(config, warning -> {}).addresses();
    return addresses.isEmpty() ? null : addresses;
  }
}
