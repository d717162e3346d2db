package io.weir.agent.cli;

import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command
final class TopCommand extends StoreCommand {
  @Parameters(paramLabel = "SERVICE", arity = "0..1", description = "only this one")
  String service;

  @Option(
      names = "--interval",
      paramLabel = "SECONDS",
      description = "how often at least (default: 2); a change shows at once")
  double interval = 2;

  @Option(
      names = {"-n", "--count"},
      paramLabel = "N",
      description = "so many times, then end (default: until interrupted; once when no terminal)")
  int count;

  @Override
  int run() {
    int left = count > 0 ? count : out.terminal ? Integer.MAX_VALUE : 1;
    boolean well = true;
    try (Tree tree = open()) {
      while (left-- > 0) {
        View view = tree.view();
        if (out.terminal && !out.json) {
          out.home();
          out.line(
              out.ink(Out.Ink.STRONG, "weir top")
                  + "  "
                  + tree.name
                  + "  revision "
                  + view.revision
                  + "  "
                  + java.time.LocalTime.now().withNano(0)
                  + "  (Ctrl-C ends)");
        }
        well = StatusCommand.show(out, tree, view, service);
        out.flush();
        if (left > 0) {
          final long seen = view.revision;
          View next = tree.await(v -> v.revision != seen ? v : null, (long) (interval * 1e9));
          if (next == null && Thread.currentThread().isInterrupted()) {
            break;
          }
        }
      }
    }
    return well ? Exit.OK : Exit.NOT_CONVERGED;
  }
}
