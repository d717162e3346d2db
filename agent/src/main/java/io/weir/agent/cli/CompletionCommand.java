package io.weir.agent.cli;

import picocli.AutoComplete;
import picocli.CommandLine;

@CommandLine.Command(
    footer = {
      "",
      "  source <(java -jar weir.jar completion)    with: alias weir='java -jar weir.jar'"
    })
final class CompletionCommand extends Command {
  @Override
  int run() {
    CommandLine all = new CommandLine(CommandLine.Model.CommandSpec.create().name("weir"));
    for (Cli.Name n : Cli.Name.values()) {
      all.addSubcommand(n.word, n.command().line(n, jar, out, environment));
    }
    String script = AutoComplete.bash("weir", all);
    if (out.json) {
      out.json(Json.object("shell", "bash", "script", script));
    } else {
      out.line(script);
    }
    return Exit.OK;
  }
}
