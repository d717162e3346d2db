package io.weir.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A process the demo started and will stop. */
final class Child implements AutoCloseable {
  /** In the order they were started; guarded by the class. */
  private static final List<Child> STARTED = new ArrayList<>();

  /** No more are started; guarded by the class. */
  private static boolean ended;

  private final String name;
  private final Process process;
  private final Path log;
  private final CompletableFuture<Integer> port = new CompletableFuture<>();

  private Child(String name, Process process, Path log) {
    this.name = name;
    this.process = process;
    this.log = log;
  }

  /** Starts a JVM that prints {@code READY <port>}; everything it says goes to a log file. */
  static Child jvm(String name, Path work, List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx128m");
    command.add("-Djava.io.tmpdir=" + work); // goes with it
    command.addAll(arguments);
    return start(name, work, command);
  }

  static synchronized Child start(String name, Path work, List<String> command) throws IOException {
    if (ended) {
      throw new IOException("the demo ends: " + name + " is not started");
    }
    Path log = work.resolve(name + ".log");
    Process p =
        new ProcessBuilder(command).redirectErrorStream(true).directory(work.toFile()).start();
    Child child = new Child(name, p, log);
    STARTED.add(child);
    Thread reader = new Thread(child::read, "log-" + name);
    reader.setDaemon(true);
    reader.start();
    return child;
  }

  /**
   * Stops every child and starts no more. The youngest are asked first and all of them before any
   * is waited for; etcd, the oldest, comes last, because the others deregister in it.
   */
  static void stopAll() {
    List<Child> all;
    synchronized (Child.class) {
      ended = true;
      all = new ArrayList<>(STARTED);
    }
    Collections.reverse(all);
    for (Child c : all) {
      if (!c.name.equals("etcd")) {
        c.terminate();
      }
    }
    all.forEach(Child::close);
  }

  private void read() {
    try (BufferedReader in =
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        java.io.BufferedWriter out = Files.newBufferedWriter(log)) {
      for (String line; (line = in.readLine()) != null; ) {
        out.write(line);
        out.newLine();
        out.flush();
        if (line.startsWith("READY ")) {
          port.complete(Integer.parseInt(line.substring(6).trim()));
        }
      }
    } catch (IOException closed) {
      // the process is gone
    }
    port.completeExceptionally(new IOException(name + " ended before it was ready; see " + log));
  }

  /** The port it listens on, once it does. */
  int port() throws Exception {
    try {
      return port.get(60, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new IOException(name + " was not ready within a minute; see " + log);
    }
  }

  String name() {
    return name;
  }

  long pid() {
    return process.pid();
  }

  /** Asks it to end (SIGTERM) and does not wait. */
  void terminate() {
    process.destroy();
  }

  @Override
  public void close() {
    terminate();
    try {
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
    }
  }
}
