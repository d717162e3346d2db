package io.weir.smoke;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** {@code java -jar weir.jar ...} as a person runs it: a process of its own. */
final class Cli {
  /** What a command left behind. */
  record Said(List<String> command, int exit, String out, String err) {
    @Override
    public String toString() {
      return String.join(" ", command)
          + "\nexit "
          + exit
          + "\n--- stdout\n"
          + out
          + "\n--- stderr\n"
          + err;
    }

    /** Fails unless it ended so. */
    Said exits(int wanted) {
      if (exit != wanted) {
        throw new AssertionError("exit code " + wanted + " expected\n" + this);
      }
      return this;
    }
  }

  private final Path java;
  private final Path directory;
  private Path jar = Work.weirJar();
  private final Map<String, String> environment = new LinkedHashMap<>();
  private final List<String> options =
      new ArrayList<>(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));

  Cli(Path java, Path directory) {
    this.java = java;
    this.directory = directory;
  }

  /** On the JDK of this test. */
  Cli(Path directory) {
    this(Path.of(System.getProperty("java.home"), "bin", "java"), directory);
  }

  /** Another copy of weir.jar. */
  Cli jar(Path copy) {
    jar = copy;
    return this;
  }

  Cli env(String name, String value) {
    environment.put(name, value);
    return this;
  }

  /** Of the JVM. */
  Cli option(String option) {
    options.add(option);
    return this;
  }

  Path directory() {
    return directory;
  }

  Said run(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(java.toString());
    command.addAll(options);
    command.addAll(List.of("-jar", jar.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder b = new ProcessBuilder(command).directory(directory.toFile());
    b.environment().remove("JAVA_TOOL_OPTIONS");
    b.environment().keySet().removeIf(k -> k.startsWith("WEIR_"));
    b.environment().putAll(environment);
    Path dir = Work.fresh("cli");
    File out = dir.resolve("out").toFile();
    File err = dir.resolve("err").toFile();
    try {
      Process p = b.redirectOutput(out).redirectError(err).start();
      p.getOutputStream().close();
      if (!p.waitFor(120, TimeUnit.SECONDS)) {
        p.destroyForcibly();
        throw new AssertionError("still running: " + command);
      }
      List<String> shown = new ArrayList<>(List.of("weir"));
      shown.addAll(List.of(arguments));
      return new Said(
          shown, p.exitValue(), Files.readString(out.toPath()), Files.readString(err.toPath()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
