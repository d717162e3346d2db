package io.weir.agent.cli;

import java.time.LocalTime;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** On a terminal painted over and over until interrupted; else the same lines, once. */
@picocli.CommandLine.Command
final class TopCommand extends StoreCommand {
  private static final long SETTLE_NANOS = 100_000_000L;

  /** How long instances have to tell their latencies before the first of several prints. */
  private static final long ANSWER_NANOS = 1_000_000_000L;

  @Parameters(paramLabel = "SERVICE", arity = "0..1", description = "only this one")
  @Nullable String service;

  @Option(
      names = "--interval",
      paramLabel = "SECONDS",
      description = "how often at least (default: 2); a change shows at once")
  double interval = 2;

  @Option(
      names = {"-n", "--count"},
      paramLabel = "N",
      description =
          "print it so many times, then end (default: painted until interrupted; printed once when"
              + " no terminal)")
  int count;

  @Override
  int run() {
    boolean live = count <= 0 && out.canPaint();
    int left = count > 0 ? count : live ? Integer.MAX_VALUE : 1;
    boolean well = true;
    try (RuleTree tree = open()) {
      if (live) {
        Runtime.getRuntime().addShutdownHook(new Thread(out::close, "weir-screen"));
        out.screen();
      }
      tree.look(service);
      if (!live) {
        tree.await(v -> told(v) ? v : null, ANSWER_NANOS);
      }
      while (left-- > 0) {
        StoreView view = tree.view();
        well = live ? paint(tree, view) : StatusCommand.show(out, tree, view, service, true);
        out.flush();
        if (left > 0) {
          tree.await(v -> null, SETTLE_NANOS); // a push is several changes
          final long seen = view.revision;
          tree.await(v -> v.revision != seen ? v : null, (long) (interval * 1e9) - SETTLE_NANOS);
          if (Thread.currentThread().isInterrupted()) {
            break;
          }
        }
      }
    } finally {
      out.close();
    }
    return well ? Exit.OK : Exit.NOT_CONVERGED;
  }

  /** Whether every instance has said how long its calls take. */
  private boolean told(StoreView view) {
    for (LiveInstances.Member m : LiveInstances.members(view)) {
      if (m.latency == null && (service == null || service.equals(m.service))) {
        return false;
      }
    }
    return true;
  }

  private boolean paint(RuleTree tree, StoreView view) {
    out.frame();
    out.line(
        out.ink(CliOutput.Ink.STRONG, "weir top")
            + "  "
            + tree.name
            + "  revision "
            + view.revision
            + "  "
            + LocalTime.now().withNano(0)
            + "  (Ctrl-C ends)");
    if (tree.lost() != null) {
      out.line(out.ink(CliOutput.Ink.BAD, "as it was last seen: " + tree.lost()));
    }
    boolean well = StatusCommand.show(out, tree, view, service, true);
    out.paint();
    return well;
  }
}
