package io.weir.agent.run;

import io.weir.agent.config.Config;
import io.weir.agent.config.Key;
import io.weir.control.etcd.EtcdOptions;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.jspecify.annotations.Nullable;

/**
 * Where the configuration says that the rules are: the agent and the command line ask here, so they
 * never look into different stores.
 */
public final class RuleSource {
  private static final String FILE = "file:";

  private RuleSource() {}

  /**
   * The directory of rules, or null: they are in etcd.
   *
   * @throws IllegalArgumentException naming a location that is neither
   */
  public static @Nullable Path directory(Config config, File jar) {
    String rules = config.get(Key.RULES);
    if (rules == null) {
      Path beside = new File(jar.getAbsoluteFile().getParentFile(), "weir-rules").toPath();
      return config.get(Key.ETCD_ENDPOINTS) == null && Files.isDirectory(beside) ? beside : null;
    }
    if (rules.equals("etcd")) {
      return null;
    }
    if (!rules.startsWith(FILE)) {
      throw new IllegalArgumentException(
          Key.RULES.propertyName() + ": '" + rules + "' is neither etcd nor file:DIRECTORY");
    }
    return Paths.get(rules.substring(FILE.length()));
  }

  /**
   * How to reach etcd.
   *
   * @throws IllegalArgumentException naming what is wrong
   */
  public static EtcdOptions etcd(Config config) {
    EtcdOptions.Builder b =
        EtcdOptions.builder()
            .endpoints(config.get(Key.ETCD_ENDPOINTS, "http://127.0.0.1:2379"))
            .namespace(config.get(Key.ETCD_NAMESPACE, ""))
            .tlsCa(path(config, Key.ETCD_TLS_CA))
            .tlsIdentity(path(config, Key.ETCD_TLS_CERT), path(config, Key.ETCD_TLS_KEY))
            .connectTimeoutMillis(
                (int)
                    Durations.millis(
                        Key.ETCD_CONNECT_TIMEOUT, config.get(Key.ETCD_CONNECT_TIMEOUT, "2s")));
    if (config.get(Key.ETCD_USER) != null || config.get(Key.ETCD_PASSWORD) != null) {
      b.user(config.get(Key.ETCD_USER), config.get(Key.ETCD_PASSWORD));
    }
    return b.build();
  }

  private static @Nullable Path path(Config config, Key key) {
    String p = config.get(key);
    return p == null ? null : Paths.get(p);
  }
}
