package io.weir.agent.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class DashboardsCommand extends Command {
  @Override
  int run() {
    throw new CliException(CliFault.USAGE, "export?", "see: weir dashboards --help");
  }

  @Override
  Command[] parts() {
    return new Command[] {new Export()};
  }

  /** What the jar has, as files to keep and change. */
  @picocli.CommandLine.Command(
      name = "export",
      description =
          "Writes a Grafana dashboard, and alert rules and a configuration for Prometheus.")
  static final class Export extends Command {
    private static final String[] FILES = {
      "weir-dashboard.json", "weir-alerts.yml", "prometheus.yml"
    };

    @Parameters(
        paramLabel = "DIR",
        arity = "0..1",
        description = "where to write (default: weir-dashboards)")
    String directory = "weir-dashboards";

    @Option(names = "--force", description = "also over files that were changed here")
    boolean force;

    @Override
    int run() throws IOException {
      Path root = Paths.get(directory);
      Map<Path, byte[]> files = new LinkedHashMap<Path, byte[]>();
      for (String name : FILES) {
        Path file = root.resolve(name);
        byte[] ours = shipped(name);
        files.put(file, ours);
        if (!force && Files.exists(file) && !Arrays.equals(Files.readAllBytes(file), ours)) {
          throw new CliException(
              CliFault.LOCAL_CHANGES,
              file + " differs from what this jar ships",
              "overwrite: weir dashboards export --force " + directory);
        }
      }
      Files.createDirectories(root);
      List<String> written = new ArrayList<String>();
      for (Map.Entry<Path, byte[]> f : files.entrySet()) {
        Files.write(f.getKey(), f.getValue());
        written.add(f.getKey().toString());
      }
      if (out.json) {
        out.json(Json.object("written", written));
      } else {
        for (String w : written) {
          out.line(w);
        }
      }
      out.say("Import the dashboard in Grafana (9 or newer): it asks which Prometheus to read.");
      out.next("promtool check config " + root.resolve("prometheus.yml"));
      return Exit.OK;
    }

    private static byte[] shipped(String name) throws IOException {
      try (InputStream in =
          DashboardsCommand.class.getClassLoader().getResourceAsStream("dashboards/" + name)) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] some = new byte[8192];
        for (int n; (n = in.read(some)) >= 0; ) {
          out.write(some, 0, n);
        }
        return out.toByteArray();
      }
    }
  }
}
