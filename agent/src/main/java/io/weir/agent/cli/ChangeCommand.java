package io.weir.agent.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A command that changes rules in force. */
abstract class ChangeCommand extends StoreCommand {
  @Option(
      names = {"-m", "--message"},
      paramLabel = "TEXT",
      description = "why, for the history")
  @Nullable String message;

  @Option(
      names = "--wait",
      description =
          "until every live instance of the services concerned says it runs it; prints the time"
              + " each took")
  boolean wait;

  @Option(
      names = {"-y", "--yes"},
      description = "do what would be asked about: without a terminal nobody can be asked")
  boolean yes;

  @Option(
      names = "--dry-run",
      description = "check everything, say what would change, write nothing")
  boolean dryRun;
}
