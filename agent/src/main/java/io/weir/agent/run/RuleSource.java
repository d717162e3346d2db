package io.weir.agent.run;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.control.etcd.EtcdOptions;
import io.weir.control.etcd.PasswordFile;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
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
   * Whether anybody said where the rules are. Where nobody did, there are none, and no etcd is
   * asked.
   */
  public static boolean isConfigured(Config config, File jar) {
    return config.get(PropertyKey.RULES) != null
        || config.get(PropertyKey.ETCD_ENDPOINTS) != null
        || directory(config, jar) != null;
  }

  /**
   * The directory of rules, or null: they are in etcd, if {@link #isConfigured anywhere}.
   *
   * @throws IllegalArgumentException naming a location that is neither
   */
  public static @Nullable Path directory(Config config, File jar) {
    String rules = config.get(PropertyKey.RULES);
    if (rules == null) {
      Path beside = new File(jar.getAbsoluteFile().getParentFile(), "weir-rules").toPath();
      return config.get(PropertyKey.ETCD_ENDPOINTS) == null && Files.isDirectory(beside)
          ? beside
          : null;
    }
    if (rules.equals("etcd")) {
      return null;
    }
    if (!rules.startsWith(FILE)) {
      throw new IllegalArgumentException(
          PropertyKey.RULES.propertyName()
              + ": '"
              + rules
              + "' is neither etcd nor file:DIRECTORY");
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
            .endpoints(config.get(PropertyKey.ETCD_ENDPOINTS, "http://127.0.0.1:2379"))
            .namespace(config.get(PropertyKey.ETCD_NAMESPACE, ""))
            .tlsCa(path(config, PropertyKey.ETCD_TLS_CA))
            .tlsIdentity(
                path(config, PropertyKey.ETCD_TLS_CERT), path(config, PropertyKey.ETCD_TLS_KEY))
            .connectTimeoutMillis(
                (int)
                    Durations.millis(
                        PropertyKey.ETCD_CONNECT_TIMEOUT,
                        config.get(PropertyKey.ETCD_CONNECT_TIMEOUT, "2s")));
    String password = config.get(PropertyKey.ETCD_PASSWORD);
    String file = config.get(PropertyKey.ETCD_PASSWORD_FILE);
    if (file != null && password == null) {
      b.user(config.get(PropertyKey.ETCD_USER), passwordFile(file));
    } else if (config.get(PropertyKey.ETCD_USER) != null || password != null) {
      b.user(config.get(PropertyKey.ETCD_USER), password);
    }
    return b.build();
  }

  /** What should be known about this way to etcd, for a human; null: nothing. */
  public static @Nullable String warning(EtcdOptions etcd) {
    URI open = etcd.unprotected();
    return open == null
        ? null
        : PropertyKey.ETCD_PASSWORD.propertyName()
            + ": the password goes to "
            + open
            + " unencrypted, and everybody on the way can read it; use https:// in "
            + PropertyKey.ETCD_ENDPOINTS.propertyName();
  }

  private static PasswordFile passwordFile(String file) {
    try {
      return new PasswordFile(Paths.get(file));
    } catch (IOException | InvalidPathException e) {
      throw new IllegalArgumentException(
          PropertyKey.ETCD_PASSWORD_FILE.propertyName()
              + ": '"
              + file
              + "' cannot be read ("
              + e
              + "); it has the password alone",
          e);
    }
  }

  private static @Nullable Path path(Config config, PropertyKey key) {
    String p = config.get(key);
    return p == null ? null : Paths.get(p);
  }
}
