package io.weir.smoke;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A real JVM under test. The application prints {@code READY <port>} on stdout once it serves (port
 * 0 for one that serves nothing). Both outputs are kept; the process dies with {@link #close} or
 * with the test's own JVM.
 */
final class Jvm implements AutoCloseable {
  private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> RUNNING.forEach(Process::destroyForcibly)));
  }

  private final Process process;
  private final List<String> stdout = new CopyOnWriteArrayList<>();
  private final List<String> stderr = new CopyOnWriteArrayList<>();

  /** When each line of stderr came, by {@link System#nanoTime}. */
  private final List<Long> came = new CopyOnWriteArrayList<>();

  private final List<Thread> readers = new ArrayList<>();
  private final List<String> command;
  private int port;
  private volatile long marked;

  private Jvm(List<String> command, Process process, boolean reads) {
    this.command = command;
    this.process = process;
    readers.add(read(process.getInputStream(), stdout::add));
    if (reads) {
      readStderr();
    }
  }

  /** For one that was started with {@link Builder#unreadStderr}. */
  void readStderr() {
    readers.add(
        read(
            process.getErrorStream(),
            line -> {
              came.add(System.nanoTime());
              stderr.add(line);
            }));
  }

  /** Begins the command line of a JVM. */
  static Builder of(Jdk jdk, String classpath, String mainClass) {
    return new Builder(jdk, List.of("-cp", classpath, mainClass));
  }

  /** The same for {@code java -jar}. */
  static Builder ofJar(Jdk jdk, Path jar) {
    return new Builder(jdk, List.of("-jar", jar.toString()));
  }

  static final class Builder {
    private final Jdk jdk;
    private final List<String> options = new ArrayList<>();
    private final List<String> run = new ArrayList<>();
    private final List<String> environment = new ArrayList<>();
    private boolean reads = true;
    private String redirection = "";
    private List<String> inside = List.of();

    private Builder(Jdk jdk, List<String> program) {
      this.jdk = jdk;
      options("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");
      run.addAll(program);
    }

    /** The agent under test, with its options ({@code service=x;rules=file:DIR}). */
    Builder weir(String agentOptions) {
      return weir(Work.weirJar(), agentOptions);
    }

    /** Another build of the agent. */
    Builder weir(Path jar, String agentOptions) {
      return options("-javaagent:" + jar + "=" + agentOptions);
    }

    Builder options(String... more) {
      options.addAll(Arrays.asList(more));
      return this;
    }

    Builder arguments(String... more) {
      run.addAll(Arrays.asList(more));
      return this;
    }

    /** Nobody reads its stderr: after 64 KB a write to it blocks. */
    Builder unreadStderr() {
      reads = false;
      return this;
    }

    /** How a shell starts it, for example {@code 2>&-} for a closed stderr. */
    Builder redirected(String how) {
      redirection = how;
      return this;
    }

    /** Started by a command that ends in {@code exec "$@"} or does the same, such as unshare. */
    Builder inside(List<String> command) {
      inside = command;
      return this;
    }

    Builder env(String name, String value) {
      environment.addAll(List.of(name, value));
      return this;
    }

    /** Starts it and returns at once. */
    Jvm launch() {
      List<String> command = new ArrayList<>();
      command.add(jdk.java().toString());
      command.add("-Djava.io.tmpdir=" + Work.directory("tmp"));
      command.addAll(options);
      command.addAll(run);
      if (!redirection.isEmpty()) {
        command.addAll(0, List.of("sh", "-c", "exec \"$@\" " + redirection, "sh"));
      }
      command.addAll(0, inside);
      ProcessBuilder b = new ProcessBuilder(command);
      b.environment().remove("JAVA_TOOL_OPTIONS");
      b.environment().keySet().removeIf(k -> k.startsWith("WEIR_"));
      for (int i = 0; i < environment.size(); i += 2) {
        b.environment().put(environment.get(i), environment.get(i + 1));
      }
      try {
        Process p = b.start();
        RUNNING.add(p);
        return new Jvm(command, p, reads);
      } catch (IOException e) {
        throw new IllegalStateException("cannot start " + command, e);
      }
    }

    /** Starts it and waits until it is ready. */
    Jvm start() {
      Jvm jvm = launch();
      try {
        return jvm.awaitReady();
      } catch (Throwable t) {
        jvm.close();
        throw t;
      }
    }
  }

  Jvm awaitReady() {
    Await.until(
        Duration.ofSeconds(90),
        () -> {
          for (String line : stdout) {
            if (line.startsWith("READY ")) {
              port = Integer.parseInt(line.substring(6).trim());
              return true;
            }
          }
          if (!process.isAlive()) {
            throw new DiedError("exit code " + process.exitValue() + "\n" + told());
          }
          return false;
        },
        () -> "READY <port>\n" + told());
    return this;
  }

  /** The port the application told. */
  int port() {
    return port;
  }

  long pid() {
    return process.pid();
  }

  /** Sends STOP, CONT or the like. */
  void signal(String name) {
    try {
      if (new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start().waitFor() != 0) {
        throw new IllegalStateException("kill -" + name + " failed\n" + told());
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** SIGKILL. */
  void kill() {
    process.destroyForcibly();
    awaitExit();
  }

  /** Remembers now, for {@link #since}. */
  void mark() {
    marked = System.nanoTime();
  }

  /** When {@link #mark} was last called. */
  long since() {
    return marked;
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Lines of stdout so far. */
  List<String> stdout() {
    return List.copyOf(stdout);
  }

  /** Lines of stderr so far. */
  List<String> stderr() {
    return List.copyOf(stderr);
  }

  /**
   * What the agent complains of, but for the libraries that it does not govern: the application is
   * made of them.
   */
  List<String> complaints() {
    return stderr.stream()
        .filter(l -> l.contains("fail-open") || l.contains("[weir] WARN"))
        .filter(l -> !l.contains(" is loaded and not governed "))
        .toList();
  }

  /** Lines of stderr from a moment on, each with the seconds after it. */
  List<String> stderrSince(long nanos) {
    List<String> lines = stderr();
    List<String> told = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      if (came.get(i) - nanos >= 0) {
        told.add(
            String.format(Locale.ROOT, "%+.2f s %s", (came.get(i) - nanos) / 1e9, lines.get(i)));
      }
    }
    return told;
  }

  /** Waits for a line on stderr that contains {@code text}, and returns it. */
  String awaitStderr(String text) {
    return await(stderr, text);
  }

  /** Waits for a line on stdout that contains {@code text}, and returns it. */
  String awaitStdout(String text) {
    return await(stdout, text);
  }

  private String await(List<String> lines, String text) {
    String[] found = new String[1];
    Await.until(
        Duration.ofSeconds(30),
        () ->
            lines.stream()
                .filter(l -> l.contains(text))
                .findFirst()
                .map(l -> found[0] = l)
                .isPresent(),
        () -> "a line with '" + text + "'\n" + told());
    return found[0];
  }

  /** Writes a line to the application's stdin. */
  void say(String line) {
    try {
      process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().flush();
    } catch (IOException e) {
      throw new IllegalStateException(told(), e);
    }
  }

  /** The application reads to the end. */
  void endOfInput() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      throw new IllegalStateException(told(), e);
    }
  }

  /** Waits until it ends by itself. */
  int awaitExit() {
    try {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        throw new AssertionError("still running\n" + told());
      }
      for (Thread t : readers) {
        t.join(10_000);
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** What {@code jcmd PID Thread.print} tells. */
  String threads() {
    try {
      Process p =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                  Long.toString(pid()),
                  "Thread.print")
              .redirectErrorStream(true)
              .start();
      return new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Everything for the message of a failed assertion. */
  String told() {
    return String.join(" ", command)
        + "\n--- stdout\n"
        + String.join("\n", stdout)
        + "\n--- stderr\n"
        + String.join("\n", stderr);
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
      }
      for (Thread t : readers) {
        t.join(5_000);
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    RUNNING.remove(process);
  }

  private static Thread read(InputStream in, Consumer<String> to) {
    Thread t =
        new Thread(
            () -> {
              try (BufferedReader r =
                  new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                for (String line; (line = r.readLine()) != null; ) {
                  to.accept(line);
                }
              } catch (IOException closed) {
                // the process is gone
              }
            },
            "output of a JVM under test");
    t.setDaemon(true);
    t.start();
    return t;
  }

  /** Not an {@code Exception}: {@link Await} must not go on asking a dead process. */
  private static final class DiedError extends AssertionError {
    private static final long serialVersionUID = 1;

    DiedError(String message) {
      super(message);
    }
  }
}
