package io.weir.agent.cli;

import java.util.regex.Pattern;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command(
    footer = {
      "",
      "  weir attach 4711 --options 'service=order-service;etcd.endpoints=http://etcd:2379'"
    })
final class AttachCommand extends Command {
  private static final Pattern DIGITS = Pattern.compile("[0-9]{1,10}");

  @SuppressWarnings("NullAway.Init") // required
  @Parameters(paramLabel = "PID", description = "process id of the JVM")
  String pid;

  @Option(
      names = "--options",
      paramLabel = "OPTIONS",
      description = "as behind -javaagent:weir.jar=")
  String options = "";

  @Override
  int run() {
    if (!DIGITS.matcher(pid).matches()) {
      throw new CliException(CliFault.USAGE, "a process id is a number, not '" + pid + "'");
    }
    Jvms.attach(pid, jar, options);
    if (out.json) {
      out.json(Json.object("attached", Long.parseLong(pid), "jar", jar.getAbsolutePath()));
    } else {
      out.line("attached to " + pid);
    }
    out.say("The agent's own words are on that JVM's stderr. A JVM from 21 on warns there that");
    out.say("agents should be given at start; -javaagent:" + jar.getName() + " does that.");
    out.next("weir doctor " + pid);
    return Exit.OK;
  }
}
