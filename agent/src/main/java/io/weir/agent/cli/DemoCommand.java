package io.weir.agent.cli;

@picocli.CommandLine.Command
final class DemoCommand extends Command {
  @Override
  int run() {
    if (out.json) {
      out.json(Json.object("demo", "./demo", "in", "the source tree"));
      return Exit.OK;
    }
    out.line(
        "The demonstration is the script ./demo at the top of Weir's source tree: it starts an");
    out.line("etcd and three small services under the agent on this machine's loopback addresses,");
    out.line("pushes rules while traffic runs, breaks a service, and shows what callers see.");
    out.next("./demo");
    return Exit.OK;
  }
}
