package io.weir.agent.cli;

import io.weir.agent.run.Agent;

@picocli.CommandLine.Command
final class VersionCommand extends Command {
  @Override
  int run() {
    String java = System.getProperty("java.version") + " (" + System.getProperty("java.vendor");
    if (out.json) {
      out.json(
          Json.object(
              "version", Agent.version(),
              "java", System.getProperty("java.version"),
              "jar", jar.getPath()));
    } else {
      out.line("weir " + Agent.version());
      out.line("java " + java + ")");
      out.line("jar  " + jar);
    }
    return Exit.OK;
  }
}
