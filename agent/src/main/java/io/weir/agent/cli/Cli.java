package io.weir.agent.cli;

import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.UnsupportedEncodingException;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/**
 * {@code java -jar weir.jar COMMAND}.
 *
 * <p>Start-up is what a person feels: only the command that was asked for is loaded and only its
 * options are read reflectively; the overview comes from a table.
 */
public final class Cli {
  /** Every command in the order of the overview; {@code docs/cli.md} is checked against it. */
  enum Name {
    INIT("init", "write a first set of rules to start from", "author"),
    VALIDATE(
        "validate", "check rules: fields, bounds, expressions, with line and column", "author"),
    LINT("lint", "point out rules that are valid but hardly meant", "author"),
    EXPLAIN("explain", "tell what would happen to one request, and why", "author"),
    SIMULATE("simulate", "replay an access log against rules on a virtual clock", "author"),
    DIFF("diff", "compare local rules with those in force", "change"),
    PUSH("push", "put rules into force, all at once or not at all", "change"),
    PULL("pull", "fetch the rules in force into a directory", "change"),
    HISTORY("history", "who changed what, when, and why", "change"),
    ROLLBACK("rollback", "undo a change", "change"),
    SHADOW("shadow", "let a rule count but refuse nobody", "change"),
    ENFORCE("enforce", "let a rule act", "change"),
    CANARY("canary", "give a version a share of the calls: set, promote, abort", "change"),
    STATUS("status", "what each live instance runs, and why not", "watch"),
    TOP("top", "the fleet, live", "watch"),
    DASHBOARDS("dashboards", "a Grafana dashboard and Prometheus alerts: export", "watch"),
    DOCTOR("doctor", "look for what is wrong: Java, store, rules, target JVM", "help"),
    ATTACH("attach", "govern a JVM that is already running", "help"),
    ROLE("role", "etcdctl commands of the smallest role an agent or operator needs", "help"),
    CONFIG("config", "the configuration as the agent would read it", "help"),
    INSTRUMENTATIONS("instrumentations", "which libraries are governed, and how", "help"),
    DEMO("demo", "a limiter, a breaker and a router at work, on this machine", "help"),
    COMPLETION("completion", "a completion script for bash and zsh", "help"),
    VERSION("version", "the version of this jar and of its Java", "help");

    final String word;
    final String summary;
    final String group;

    Name(String word, String summary, String group) {
      this.word = word;
      this.summary = summary;
      this.group = group;
    }

    static @Nullable Name of(String word) {
      for (Name n : values()) {
        if (n.word.equals(word)) {
          return n;
        }
      }
      return null;
    }

    /** Whether it looks at the rules where they stand. */
    boolean asksStore() {
      return group.equals("change") || group.equals("watch") || this == EXPLAIN || this == DOCTOR;
    }

    /** A new command object; only this loads its class. */
    Command command() {
      switch (this) {
        case INIT:
          return new InitCommand();
        case ROLE:
          return new RoleCommand();
        case CONFIG:
          return new ConfigCommand();
        case INSTRUMENTATIONS:
          return new InstrumentationsCommand();
        case DEMO:
          return new DemoCommand();
        case COMPLETION:
          return new CompletionCommand();
        case VALIDATE:
          return new ValidateCommand();
        case DIFF:
          return new DiffCommand();
        case PUSH:
          return new PushCommand();
        case PULL:
          return new PullCommand();
        case HISTORY:
          return new HistoryCommand();
        case ROLLBACK:
          return new RollbackCommand();
        case SHADOW:
          return new ModeCommand(true);
        case ENFORCE:
          return new ModeCommand(false);
        case CANARY:
          return new CanaryCommand();
        case STATUS:
          return new StatusCommand();
        case LINT:
          return new LintCommand();
        case EXPLAIN:
          return new ExplainCommand();
        case SIMULATE:
          return new SimulateCommand();
        case TOP:
          return new TopCommand();
        case DASHBOARDS:
          return new DashboardsCommand();
        case DOCTOR:
          return new DoctorCommand();
        case ATTACH:
          return new AttachCommand();
        default:
          return new VersionCommand();
      }
    }
  }

  private Cli() {}

  /** Called by {@code Main} through reflection; returns the exit code. */
  public static int run(String[] args, File jar) throws UnsupportedEncodingException {
    PrintStream data = utf8(FileDescriptor.out);
    PrintStream talk = utf8(FileDescriptor.err);
    try {
      return run(args, jar, data, talk, System.getenv());
    } finally {
      data.flush();
      talk.flush();
    }
  }

  static int run(
      String[] args, File jar, PrintStream data, PrintStream talk, Map<String, String> env) {
    CliOutput out = new CliOutput(data, talk, env);
    if (args.length == 0 || args[0].equals("help") && args.length == 1 || isHelp(args[0])) {
      overview(out);
      return args.length == 0 ? Exit.USAGE : Exit.OK;
    }
    boolean help = args[0].equals("help");
    String word = help ? args[1] : isVersion(args[0]) ? "version" : args[0];
    Name name = Name.of(word);
    if (name == null) {
      String near = near(word);
      out.say(
          CliFault.USAGE
              + " there is no command '"
              + word
              + "'"
              + (near == null ? "" : ": did you mean '" + near + "'?"));
      out.next("weir help");
      return Exit.USAGE;
    }
    ClassPreloader.give(name, args, env);
    Command command = name.command();
    CommandLine line = command.line(name, jar, out, env);
    return help ? line.execute("--help") : line.execute(Arrays.copyOfRange(args, 1, args.length));
  }

  private static boolean isHelp(String arg) {
    return arg.equals("--help") || arg.equals("-h");
  }

  private static boolean isVersion(String arg) {
    return arg.equals("--version") || arg.equals("-V");
  }

  private static void overview(CliOutput out) {
    out.line("Weir puts a rate limiter, a fleet-wide circuit breaker and a router on every call.");
    out.line("");
    out.line("  java -javaagent:weir.jar=service=NAME -jar app.jar   governs an application");
    out.line("  java -jar weir.jar COMMAND                           looks after its rules");
    String group = "";
    for (Name n : Name.values()) {
      if (!n.group.equals(group)) {
        group = n.group;
        out.line("");
        out.line(out.ink(CliOutput.Ink.STRONG, title(group)));
      }
      out.line(String.format("  %-18s %s", n.word, n.summary));
    }
    out.line("");
    out.line("Rules stand in etcd (--etcd URLS) or in a directory (--rules file:DIR), as");
    out.line("weir.properties, WEIR_* and -Dweir.* say. Each command: -o json, --help.");
    out.line("Exit codes: 0 ok, 1 failure, 2 usage, 3 findings, 4 differences, 5 conflict,");
    out.line("6 not all instances converged.");
  }

  private static String title(String group) {
    switch (group) {
      case "author":
        return "Writing rules";
      case "change":
        return "Changing what is in force";
      case "watch":
        return "Watching";
      default:
        return "Getting along";
    }
  }

  private static @Nullable String near(String word) {
    String best = null;
    int least = 3;
    for (Name n : Name.values()) {
      int d = io.weir.agent.config.EditDistance.of(word, n.word);
      if (d < least || word.length() > 2 && n.word.startsWith(word)) {
        least = Math.min(d, least);
        best = n.word;
      }
    }
    return best;
  }

  private static PrintStream utf8(FileDescriptor to) throws UnsupportedEncodingException {
    return new PrintStream(
        new java.io.BufferedOutputStream(new FileOutputStream(to), 8192),
        to == FileDescriptor.err,
        "UTF-8");
  }
}
