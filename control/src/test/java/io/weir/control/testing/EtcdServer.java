package io.weir.control.testing;

import com.github.dockerjava.api.model.PortBinding;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * A real etcd of the test's own on free loopback ports, with a temporary data directory that goes
 * when it is closed. The {@code etcd} on the PATH is used, else a container through the {@code
 * docker} command line, else the test fails and says so: it is never skipped.
 *
 * <p>Not thread-safe, except that {@link #close} may run from a shutdown hook.
 */
public final class EtcdServer implements AutoCloseable {
  private static final String IMAGE = "quay.io/coreos/etcd:v3.4.23";
  private static final Tls SELF_SIGNED = new Tls(null, null, null, null, null);
  private static final Duration START_LIMIT = Duration.ofSeconds(30);

  private final int clientPort;
  private final int peerPort;
  private final Path directory;
  private final String container;
  private final Tls tls;
  private final List<String> options;
  private final Thread reaper = new Thread(this::reap, "etcd-reaper");
  private String cluster;
  private Process process;

  /**
   * PEM files of a server that speaks TLS and wants client certificates: the authority of both
   * sides, the server's identity, and one by which {@code etcdctl} comes in.
   */
  public record Tls(Path ca, Path cert, Path key, Path clientCert, Path clientKey) {}

  private EtcdServer(String container, Tls tls, String... options) {
    this.options = Arrays.asList(options);
    this.clientPort = freePort();
    this.peerPort = freePort();
    this.container = container;
    this.cluster = "--initial-cluster=" + name() + "=" + peer();
    try {
      this.directory = Files.createTempDirectory("weir-etcd-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    this.tls = tls == SELF_SIGNED ? certify() : tls;
    Runtime.getRuntime().addShutdownHook(reaper);
  }

  /** A running, empty etcd. */
  public static EtcdServer start() {
    EtcdServer server = reserve();
    server.restart();
    return server;
  }

  /**
   * Ports and directory only; {@link #restart} starts it. For tests that start late.
   *
   * @param options further options of etcd's command line
   */
  public static EtcdServer reserve(String... options) {
    if (onPath("etcd")) {
      return new EtcdServer(null, null, options);
    }
    if (onPath("docker") && run("docker", "version") == 0) {
      String name = "weir-etcd-" + ProcessHandle.current().pid() + "-" + System.nanoTime();
      return new EtcdServer(name, null, options);
    }
    throw none();
  }

  /**
   * As {@link #reserve}, but it speaks TLS and wants a client certificate: {@link #certificate} is
   * the authority, the server's certificate and the client's at once. Only with an etcd on the
   * PATH.
   */
  public static EtcdServer reserveTls() {
    return reserveTls(SELF_SIGNED);
  }

  /** As above, by the files given; they are read at each start. */
  public static EtcdServer reserveTls(Tls files) {
    if (onPath("etcd")) {
      return new EtcdServer(null, files);
    }
    throw none();
  }

  /**
   * Servers that make one cluster when each is {@link #launch}ed. Only with an etcd on the PATH.
   */
  public static List<EtcdServer> reserveCluster(int size) {
    if (!onPath("etcd")) {
      throw none();
    }
    List<EtcdServer> servers = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      servers.add(new EtcdServer(null, null));
    }
    StringBuilder all = new StringBuilder("--initial-cluster=");
    for (EtcdServer s : servers) {
      all.append(s == servers.get(0) ? "" : ",").append(s.name()).append('=').append(s.peer());
    }
    for (EtcdServer s : servers) {
      s.cluster = all.toString();
    }
    return servers;
  }

  private String name() {
    return "test-" + peerPort;
  }

  private String peer() {
    return "http://127.0.0.1:" + peerPort;
  }

  private static AssertionError none() {
    return new AssertionError(
        "this test needs a real etcd: neither 'etcd' nor a working 'docker' is on the PATH"
            + " (Debian: apt-get install etcd-server etcd-client)");
  }

  /** CPU that a running etcd of this machine has used so far. */
  public double cpuSeconds() {
    return process.info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
  }

  /** For clients: {@code http://127.0.0.1:PORT}. */
  public String endpoint() {
    return (tls != null ? "https" : "http") + "://127.0.0.1:" + clientPort;
  }

  public int port() {
    return clientPort;
  }

  /** PEM, of a TLS server. */
  public Path certificate() {
    return directory.resolve("cert.pem");
  }

  /** PEM, of a TLS server. */
  public Path key() {
    return directory.resolve("key.pem");
  }

  /** A self-signed certificate by the JDK's own keytool, written as PEM. */
  private Tls certify() {
    Path store = directory.resolve("store.p12");
    String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    require(
        run(
                keytool,
                "-genkeypair",
                "-keyalg",
                "RSA",
                "-alias",
                "etcd",
                "-dname",
                "CN=test",
                "-ext",
                "san=ip:127.0.0.1,ip:::1,dns:localhost",
                "-ext",
                "bc:critical=ca:true",
                "-keystore",
                store.toString(),
                "-storepass",
                "secret")
            == 0,
        "keytool failed");
    try (InputStream in = Files.newInputStream(store)) {
      KeyStore keys = KeyStore.getInstance("PKCS12");
      keys.load(in, "secret".toCharArray());
      pem(certificate(), "CERTIFICATE", keys.getCertificate("etcd").getEncoded());
      pem(key(), "PRIVATE KEY", keys.getKey("etcd", "secret".toCharArray()).getEncoded());
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
    return new Tls(certificate(), certificate(), key(), certificate(), key());
  }

  static void pem(Path file, String what, byte[] bytes) throws IOException {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
    Files.writeString(
        file, "-----BEGIN " + what + "-----\n" + body + "\n-----END " + what + "-----\n");
  }

  /** Starts it on the same ports and data, and waits until it serves. */
  public void restart() {
    launch();
    awaitHealthy();
  }

  /**
   * By Testcontainers, which also clears up after a test JVM that died; the rest is said by name.
   */
  private void createContainer() {
    List<String> command = new ArrayList<>();
    Collections.addAll(
        command,
        "etcd",
        "--listen-client-urls=http://0.0.0.0:2379",
        "--advertise-client-urls=" + endpoint());
    command.addAll(options);
    @SuppressWarnings("resource") // lives as long as this server; reap() removes it
    GenericContainer<?> created =
        new GenericContainer<>(DockerImageName.parse(IMAGE))
            .withCommand(command.toArray(new String[0]))
            .withExposedPorts(2379)
            .withCreateContainerCmdModifier(
                create ->
                    create
                        .withName(container)
                        .getHostConfig()
                        .withPortBindings(PortBinding.parse("127.0.0.1:" + clientPort + ":2379")));
    created.start();
  }

  /** Starts it without waiting. */
  public void launch() {
    try {
      if (container != null) {
        if (run("docker", "start", container) != 0) {
          createContainer();
        }
        return;
      }
      ProcessBuilder builder =
          new ProcessBuilder(
              "etcd",
              "--name=" + name(),
              "--data-dir=" + directory.resolve("data"),
              "--listen-client-urls=" + endpoint(),
              "--advertise-client-urls=" + endpoint(),
              "--listen-peer-urls=" + peer(),
              "--initial-advertise-peer-urls=" + peer(),
              cluster,
              "--unsafe-no-fsync");
      builder.command().addAll(options);
      if (tls != null) {
        Collections.addAll(
            builder.command(),
            "--cert-file=" + tls.cert,
            "--key-file=" + tls.key,
            "--client-cert-auth",
            "--trusted-ca-file=" + tls.ca);
      }
      builder.environment().put("ETCD_UNSUPPORTED_ARCH", System.getProperty("os.arch"));
      builder.environment().remove("ETCDCTL_API");
      process =
          builder
              .redirectErrorStream(true)
              .redirectOutput(
                  ProcessBuilder.Redirect.appendTo(directory.resolve("etcd.log").toFile()))
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until it answers that it is healthy. */
  public void awaitHealthy() {
    long deadline = System.nanoTime() + START_LIMIT.toNanos();
    while (!healthy()) {
      if (System.nanoTime() - deadline > 0 || (process != null && !process.isAlive())) {
        throw new AssertionError("etcd did not come up; its log:\n" + log());
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
  }

  /** Ends it at once, as a crash would (SIGKILL). */
  public void kill() {
    if (container != null) {
      run("docker", "kill", container);
    } else if (process != null) {
      process.destroyForcibly();
      join();
    }
  }

  /** Ends it in order (SIGTERM). */
  public void stop() {
    if (container != null) {
      run("docker", "stop", container);
    } else if (process != null) {
      process.destroy();
      join();
    }
  }

  /** Whether it was started and not ended since; a frozen one is running. */
  public boolean isRunning() {
    return container != null || process != null && process.isAlive();
  }

  /** Freezes it: connections stay open, nothing answers (SIGSTOP). */
  public void freeze() {
    signal("pause", "-STOP");
  }

  /** Ends {@link #freeze} (SIGCONT). */
  public void thaw() {
    signal("unpause", "-CONT");
  }

  /** Kills it and loses its data; the next {@link #restart} begins at revision 1. */
  public void wipe() {
    kill();
    if (container != null) {
      run("docker", "rm", "-f", container);
    }
    delete(directory.resolve("data"));
  }

  /** Runs {@code etcdctl} against it and gives its output back; fails when it fails. */
  public String ctl(String... arguments) {
    return ctlWithInput("", arguments);
  }

  /** Writes a value of any length. */
  public void put(String key, String value) {
    ctlWithInput(value, "put", key);
  }

  private String ctlWithInput(String input, String... arguments) {
    List<String> command = new ArrayList<>();
    if (container != null) {
      command.addAll(
          Arrays.asList("docker", "exec", "-i", "-e", "ETCDCTL_API=3", container, "etcdctl"));
    } else {
      command.addAll(Arrays.asList("etcdctl", "--endpoints=" + endpoint()));
      if (tls != null) {
        Collections.addAll(
            command, "--cacert=" + tls.ca, "--cert=" + tls.clientCert, "--key=" + tls.clientKey);
      }
    }
    command.add("--command-timeout=30s"); // of a busy machine
    command.addAll(Arrays.asList(arguments));
    try {
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().put("ETCDCTL_API", "3");
      Process p = builder.start();
      try (java.io.OutputStream in = p.getOutputStream()) {
        in.write(input.getBytes(StandardCharsets.UTF_8));
      }
      String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      require(p.waitFor() == 0, command + " failed: " + out);
      return out;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /**
   * Writes several keys in one transaction; a null value deletes.
   *
   * @param namespace put before each key
   */
  public void txn(String namespace, String... keysAndValues) {
    StringBuilder ops = new StringBuilder("\n");
    for (int i = 0; i < keysAndValues.length; i += 2) {
      String key = namespace + keysAndValues[i];
      String value = keysAndValues[i + 1];
      ops.append(value == null ? "del " + quoted(key) : "put " + quoted(key) + " " + quoted(value));
      ops.append('\n');
    }
    ctlWithInput(ops.append("\n\n").toString(), "txn");
  }

  private static String quoted(String s) {
    return '"' + s.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
  }

  /** What it wrote so far. */
  public String log() {
    try {
      Path file = directory.resolve("etcd.log");
      return Files.exists(file) ? Files.readString(file) : "(no log)";
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() {
    reap();
    try {
      Runtime.getRuntime().removeShutdownHook(reaper);
    } catch (IllegalStateException alreadyShuttingDown) {
      // the hook does the same
    }
  }

  private void reap() {
    if (container != null) {
      run("docker", "rm", "-f", container);
    }
    if (process != null) {
      process.destroyForcibly();
      join();
    }
    delete(directory);
  }

  private boolean healthy() {
    if (tls != null) {
      // no plain health check to be had; that it listens is enough, clients try again
      try (java.net.Socket s = new java.net.Socket("127.0.0.1", clientPort)) {
        return s.isConnected();
      } catch (IOException e) {
        return false;
      }
    }
    try {
      HttpURLConnection c =
          (HttpURLConnection) URI.create(endpoint() + "/health").toURL().openConnection();
      c.setConnectTimeout(200);
      c.setReadTimeout(500);
      try (InputStream in = c.getInputStream()) {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8).contains("true");
      }
    } catch (IOException e) {
      return false;
    }
  }

  private void signal(String dockerVerb, String signal) {
    if (container != null) {
      require(run("docker", dockerVerb, container) == 0, "docker " + dockerVerb);
    } else {
      require(run("kill", signal, Long.toString(process.pid())) == 0, "kill " + signal);
    }
  }

  private void join() {
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new AssertionError(message);
    }
  }

  private static boolean onPath(String name) {
    for (String dir : System.getenv("PATH").split(File.pathSeparator)) {
      if (Files.isExecutable(Path.of(dir, name))) {
        return true;
      }
    }
    return false;
  }

  private static int run(String... command) {
    try {
      Process p =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return p.waitFor();
    } catch (IOException e) {
      return -1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return -1;
    }
  }

  private static int freePort() {
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      return s.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path root) {
    if (!Files.exists(root)) {
      return;
    }
    try {
      Files.walkFileTree(
          root,
          new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.deleteIfExists(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
              Files.deleteIfExists(dir);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
