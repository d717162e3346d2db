package io.weir.agent.cli;

import io.weir.agent.config.ApplicationProperties;
import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

@picocli.CommandLine.Command
final class ConfigCommand extends Command {
  @Option(names = "--origins", description = "where each value comes from")
  boolean origins;

  @Option(names = "--all", description = "also what nobody set, with its default")
  boolean all;

  @Option(
      names = "--agent-options",
      paramLabel = "OPTIONS",
      description = "as behind -javaagent:weir.jar=")
  @Nullable String options;

  @Option(
      names = "--application",
      paramLabel = "JAR",
      description = "the application's jar or class path, to ask its own files for its name, too")
  @Nullable String application;

  @Override
  int run() {
    Config config =
        Config.load(
            options,
            jar.getAbsoluteFile().getParentFile(),
            System.getProperties(),
            environment,
            this::application);
    Map<String, String> set = config.redacted();
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(origins ? new String[] {"KEY", "VALUE", "FROM"} : new String[] {"KEY", "VALUE"});
    List<Object> objects = new ArrayList<Object>();
    for (Map.Entry<String, String> e : set.entrySet()) {
      add(rows, objects, e.getKey(), e.getValue(), String.valueOf(config.origin(e.getKey())));
    }
    if (all) {
      for (PropertyKey k : PropertyKey.values()) {
        if (k.propertyName().indexOf('*') < 0 && !set.containsKey(k.propertyName())) {
          add(rows, objects, k.propertyName(), k.byDefault(), "default");
        }
      }
    }
    if (out.json) {
      out.json(Json.object("values", objects, "warnings", config.warnings()));
    } else {
      out.table(rows);
    }
    for (String w : config.warnings()) {
      out.say(out.ink(CliOutput.Ink.DOUBTFUL, "warning: ") + w);
    }
    if (!origins) {
      out.next("weir config --origins --all");
    }
    return config.warnings().isEmpty() ? Exit.OK : Exit.FINDINGS;
  }

  private ApplicationProperties application() {
    if (application == null) {
      return ApplicationProperties.NONE;
    }
    Properties theirs = new Properties();
    theirs.setProperty("java.class.path", application);
    return ApplicationProperties.find(theirs, environment, new File("").getAbsoluteFile());
  }

  private void add(
      List<String[]> rows, List<Object> objects, String key, String value, String origin) {
    rows.add(origins ? new String[] {key, value, origin} : new String[] {key, value});
    objects.add(Json.object("key", key, "value", value, "from", origin));
  }
}
