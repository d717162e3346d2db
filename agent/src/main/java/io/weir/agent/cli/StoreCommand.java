package io.weir.agent.cli;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.agent.run.RuleSource;
import io.weir.control.etcd.EtcdOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A command about the rules where they stand. */
abstract class StoreCommand extends Command {
  @Option(
      names = "--rules",
      paramLabel = "WHERE",
      description = "file:DIR or etcd (default: as the agent: weir.rules)")
  @Nullable String rules;

  @Option(names = "--etcd", paramLabel = "URLS", description = "etcd endpoints, comma separated")
  @Nullable String etcd;

  @Option(names = "--namespace", paramLabel = "PREFIX", description = "prefix of every key")
  @Nullable String namespace;

  @Option(
      names = "--user",
      paramLabel = "NAME",
      description = "etcd user; the password comes from WEIR_ETCD_PASSWORD or the properties file")
  @Nullable String user;

  @Option(names = "--config", paramLabel = "FILE", description = "properties file to read")
  @Nullable String configFile;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "how long to wait (default: 10)")
  double timeoutSeconds = 10;

  final long timeoutNanos() {
    return (long) (timeoutSeconds * 1e9);
  }

  final Config config() {
    Properties above = new Properties();
    set(above, PropertyKey.RULES, where());
    set(above, PropertyKey.ETCD_ENDPOINTS, etcd);
    set(above, PropertyKey.ETCD_NAMESPACE, namespace);
    set(above, PropertyKey.ETCD_USER, user);
    set(above, PropertyKey.CONFIG_FILE, configFile);
    return config(above);
  }

  /** On the command line a directory may stand alone: {@code --rules DIR}. */
  private @Nullable String where() {
    if (rules == null) {
      return etcd == null ? null : "etcd";
    }
    return rules.equals("etcd") || rules.startsWith("file:") ? rules : "file:" + rules;
  }

  private static void set(Properties p, PropertyKey key, @Nullable String value) {
    if (value != null) {
      p.setProperty(key.propertyName(), value);
    }
  }

  /** The directory, or null: etcd. */
  final @Nullable Path directory(Config config) {
    try {
      if (!RuleSource.isConfigured(config, jar)) {
        throw new CliException(
            CliFault.USAGE,
            "nobody says where the rules are",
            "--etcd http://HOST:2379, or --rules DIR; or weir.etcd.endpoints in weir.properties");
      }
      return RuleSource.directory(config, jar);
    } catch (IllegalArgumentException e) {
      throw new CliException(CliFault.USAGE, String.valueOf(e.getMessage()));
    }
  }

  /** Opens the rules; every warning about the configuration is said first. */
  final RuleTree open() {
    return open(true);
  }

  /** The rules as they are now, for a command that looks once and writes nothing. */
  final RuleTree peek() {
    return open(false);
  }

  private RuleTree open(boolean follow) {
    Config config = config();
    for (String w : config.warnings()) {
      out.say(out.ink(CliOutput.Ink.DOUBTFUL, "warning: ") + w);
    }
    Path directory = directory(config);
    String open = directory == null ? RuleSource.warning(etcdOptions(config)) : null;
    if (open != null) {
      out.say(out.ink(CliOutput.Ink.DOUBTFUL, "warning: ") + open);
    }
    if (directory != null && !Files.isDirectory(directory)) {
      throw new CliException(
          CliFault.NO_FILE,
          directory + " is no directory",
          "start one with: weir init " + directory);
    }
    RuleTree tree =
        directory != null ? new FileTree(directory) : new EtcdTree(etcdOptions(config), follow);
    return tree.open(timeoutNanos());
  }

  static EtcdOptions etcdOptions(Config config) {
    try {
      return RuleSource.etcd(config);
    } catch (IllegalArgumentException e) {
      throw new CliException(CliFault.USAGE, String.valueOf(e.getMessage()));
    }
  }

  /** {@code 12 ms}, {@code 3.4 s}. */
  static String duration(long nanos) {
    return nanos < TimeUnit.SECONDS.toNanos(10)
        ? TimeUnit.NANOSECONDS.toMillis(nanos) + " ms"
        : String.format("%.1f s", nanos / 1e9);
  }
}
