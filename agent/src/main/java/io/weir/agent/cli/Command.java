package io.weir.agent.cli;

import io.weir.agent.config.Config;
import java.io.File;
import java.io.PrintWriter;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** What every command has. Its subclasses hold their options and do the work. */
abstract class Command implements Callable<Integer> {
  /** How the answer is written. */
  enum Format {
    text,
    json
  }

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "text or json (default: text)")
  Format output = Format.text;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "this help")
  boolean help;

  // set by use, before anything runs
  @SuppressWarnings("NullAway.Init")
  CliOutput out;

  @SuppressWarnings("NullAway.Init")
  File jar;

  @SuppressWarnings("NullAway.Init")
  Map<String, String> environment;

  /** Does it; returns the exit code. */
  abstract int run() throws Exception;

  /** Commands within this command; most have none. */
  Command[] parts() {
    return new Command[0];
  }

  final CommandLine line(Cli.Name name, File jar, CliOutput out, Map<String, String> environment) {
    use(jar, out, environment);
    CommandLine line = new CommandLine(this);
    line.setCommandName("weir " + name.word);
    line.getCommandSpec().usageMessage().description(name.summary + ".");
    line.setUsageHelpAutoWidth(false);
    line.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
    line.setCaseInsensitiveEnumValuesAllowed(true);
    for (Command part : parts()) {
      part.use(jar, out, environment);
      line.addSubcommand(part);
    }
    line.setOut(new PrintWriter(new Lines(out, true), true));
    line.setErr(new PrintWriter(new Lines(out, false), true));
    line.setParameterExceptionHandler(
        (e, args) -> {
          out.say(CliFault.USAGE + " " + e.getMessage());
          out.next("weir " + name.word + " --help");
          return Exit.USAGE;
        });
    line.setExecutionExceptionHandler((e, l, parsed) -> failed(e));
    return line;
  }

  private void use(File jar, CliOutput out, Map<String, String> environment) {
    this.jar = jar;
    this.out = out;
    this.environment = environment;
  }

  @Override
  public final Integer call() throws Exception {
    out.json = output == Format.json;
    try {
      return run();
    } catch (LinkageError damaged) {
      throw new CliException(CliFault.DEFECT, damaged.toString(), "is " + jar + " complete?");
    }
  }

  private int failed(Exception e) {
    CliException t =
        e instanceof CliException
            ? (CliException) e
            : new CliException(CliFault.DEFECT, e + at(e), "please report it, with the command");
    if (out.json) {
      out.json(Json.object("error", Json.object("code", t.fault, "message", t.getMessage())));
    }
    out.say(out.ink(CliOutput.Ink.BAD, t.fault.toString()) + " " + t.getMessage());
    if (t.advice != null) {
      out.say(t.advice);
    }
    return t.fault.exit;
  }

  private static String at(Exception e) {
    StackTraceElement[] stack = e.getStackTrace();
    return stack.length == 0 ? "" : " at " + stack[0];
  }

  /** The configuration, as the agent reads it, with these properties on top. */
  final Config config(Properties above) {
    Properties system = new Properties();
    for (String name : System.getProperties().stringPropertyNames()) {
      system.setProperty(name, System.getProperty(name));
    }
    for (String name : above.stringPropertyNames()) {
      system.setProperty(name, above.getProperty(name));
    }
    return Config.load(null, jar.getAbsoluteFile().getParentFile(), system, environment);
  }

  /** picocli's help and completion go the way of all other output. */
  private static final class Lines extends java.io.Writer {
    private final CliOutput out;
    private final boolean data;
    private final StringBuilder line = new StringBuilder();

    Lines(CliOutput out, boolean data) {
      this.out = out;
      this.data = data;
    }

    @Override
    public void write(char[] chars, int from, int length) {
      for (int i = from; i < from + length; i++) {
        if (chars[i] == '\n') {
          flushLine();
        } else if (chars[i] != '\r') {
          line.append(chars[i]);
        }
      }
    }

    private void flushLine() {
      if (data) {
        out.line(line.toString());
      } else {
        out.say(line.toString());
      }
      line.setLength(0);
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
      if (line.length() > 0) {
        flushLine();
      }
    }
  }
}
