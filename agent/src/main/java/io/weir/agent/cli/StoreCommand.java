package io.weir.agent.cli;

import io.weir.agent.config.Config;
import io.weir.agent.config.Key;
import io.weir.control.etcd.EtcdOptions;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;

/** A command about the rules where they stand. */
abstract class StoreCommand extends Command {
  @Option(
      names = "--rules",
      paramLabel = "WHERE",
      description = "file:DIR or etcd (default: as the agent: weir.rules)")
  String rules;

  @Option(names = "--etcd", paramLabel = "URLS", description = "etcd endpoints, comma separated")
  String etcd;

  @Option(names = "--namespace", paramLabel = "PREFIX", description = "prefix of every key")
  String namespace;

  @Option(
      names = "--user",
      paramLabel = "NAME",
      description = "etcd user; the password comes from WEIR_ETCD_PASSWORD or the properties file")
  String user;

  @Option(names = "--config", paramLabel = "FILE", description = "properties file to read")
  String configFile;

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
    set(above, Key.RULES, etcd != null && rules == null ? "etcd" : rules);
    set(above, Key.ETCD_ENDPOINTS, etcd);
    set(above, Key.ETCD_NAMESPACE, namespace);
    set(above, Key.ETCD_USER, user);
    set(above, Key.CONFIG_FILE, configFile);
    return config(above);
  }

  private static void set(Properties p, Key key, String value) {
    if (value != null) {
      p.setProperty(key.propertyName(), value);
    }
  }

  /** The directory, or null: etcd. */
  final Path directory(Config config) {
    String where = config.get(Key.RULES);
    if (where == null) {
      File beside = new File(jar.getAbsoluteFile().getParentFile(), "weir-rules");
      return beside.isDirectory() && config.get(Key.ETCD_ENDPOINTS) == null
          ? beside.toPath()
          : null;
    }
    if (where.equals("etcd")) {
      return null;
    }
    return Paths.get(where.startsWith("file:") ? where.substring(5) : where);
  }

  /** Opens the rules; every warning about the configuration is said first. */
  final Tree open() {
    Config config = config();
    for (String w : config.warnings()) {
      out.say(out.ink(Out.Ink.DOUBTFUL, "warning: ") + w);
    }
    Path directory = directory(config);
    if (directory != null && !Files.isDirectory(directory)) {
      throw new Trouble(
          Fault.NO_FILE, directory + " is no directory", "start one with: weir init " + directory);
    }
    Tree tree = directory != null ? new FileTree(directory) : new EtcdTree(etcdOptions(config));
    return tree.open(timeoutNanos());
  }

  static EtcdOptions etcdOptions(Config config) {
    try {
      EtcdOptions.Builder b =
          EtcdOptions.builder()
              .endpoints(config.get(Key.ETCD_ENDPOINTS, "http://127.0.0.1:2379"))
              .namespace(config.get(Key.ETCD_NAMESPACE));
      if (config.get(Key.ETCD_USER) != null) {
        b.user(config.get(Key.ETCD_USER), config.get(Key.ETCD_PASSWORD));
      }
      if (config.get(Key.ETCD_TLS_CA) != null) {
        b.tlsCa(Paths.get(config.get(Key.ETCD_TLS_CA)));
      }
      if (config.get(Key.ETCD_TLS_CERT) != null) {
        b.tlsIdentity(
            Paths.get(config.get(Key.ETCD_TLS_CERT)),
            config.get(Key.ETCD_TLS_KEY) == null ? null : Paths.get(config.get(Key.ETCD_TLS_KEY)));
      }
      return b.build();
    } catch (IllegalArgumentException e) {
      throw new Trouble(Fault.USAGE, e.getMessage());
    }
  }

  /** {@code 12 ms}, {@code 3.4 s}. */
  static String duration(long nanos) {
    return nanos < TimeUnit.SECONDS.toNanos(10)
        ? TimeUnit.NANOSECONDS.toMillis(nanos) + " ms"
        : String.format("%.1f s", nanos / 1e9);
  }
}
