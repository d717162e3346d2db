package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class InitCommand extends Command {
  @Parameters(
      paramLabel = "DIR",
      arity = "0..1",
      description = "where to write (default: weir-rules)")
  String directory = "weir-rules";

  @Option(
      names = "--service",
      paramLabel = "NAME",
      description = "the service (default: my-service)")
  String service = "my-service";

  @Override
  int run() throws IOException {
    RuleKey key = RuleKey.parse(RuleKey.SERVICE + service + "/route");
    if (key.kind != RuleKey.Kind.ROUTE) {
      throw new CliException(CliFault.USAGE, "--service: " + key.complaint);
    }
    Path root = Paths.get(directory);
    Map<String, String> files = new LinkedHashMap<String, String>();
    files.put("rate-limit.yaml", LIMIT);
    files.put("circuit-breaker.yaml", BREAKER);
    files.put("route.yaml", ROUTE);
    List<String> written = new ArrayList<String>();
    Path home = root.resolve("service").resolve(service.equals("*") ? "_all" : service);
    for (String name : files.keySet()) {
      if (Files.exists(home.resolve(name))) {
        throw new CliException(
            CliFault.LOCAL_CHANGES, home.resolve(name) + " exists", "choose another directory");
      }
    }
    Files.createDirectories(home);
    for (Map.Entry<String, String> f : files.entrySet()) {
      Path to = home.resolve(f.getKey());
      Files.write(to, f.getValue().replace("SERVICE", service).getBytes(StandardCharsets.UTF_8));
      written.add(to.toString());
    }
    if (out.json) {
      out.json(Json.object("written", written));
    } else {
      for (String w : written) {
        out.line(w);
      }
    }
    out.say("All three are in shadow mode: they count, and refuse nobody.");
    out.next("weir validate " + directory);
    return Exit.OK;
  }

  private static final String LIMIT =
      "# How many calls SERVICE takes. Every field: docs/rules.md\n"
          + "qps: 100            # calls per second, of each instance\n"
          + "burst: 200          # at once, after idling\n"
          + "# by: [header:X-Region, query:userId]   # one bucket per combination\n"
          + "# match: \"path startsWith '/api/'\"\n"
          + "# shadow counts what it would refuse; weir enforce SERVICE/rate-limit makes it act\n"
          + "mode: shadow\n";

  private static final String BREAKER =
      "# When callers stop calling SERVICE, all of them at once.\n"
          + "window: {type: count, size: 20}\n"
          + "min_calls: 20\n"
          + "failure_ratio: 0.6  # opens at 60 % failures\n"
          + "open_seconds: 60    # then one instance probes\n"
          + "probe_successes: 3  # so many good ones close it, for everybody\n"
          + "mode: shadow\n";

  // No version is named: a version that nobody runs would refuse every call.
  private static final String ROUTE =
      "# Which instances of SERVICE calls go to; the first match wins. weir status shows the\n"
          + "# instances, weir lint which versions of this file nobody runs.\n"
          + "# routes:\n"
          + "#   - match: \"header:X-Canary == 'true'\"\n"
          + "#     to: [{version: v2}]\n"
          + "#     fallback: default\n"
          + "default: [{weight: 100}]   # any instance; weir canary set SERVICE VERSION 5\n"
          + "mode: shadow\n";
}
