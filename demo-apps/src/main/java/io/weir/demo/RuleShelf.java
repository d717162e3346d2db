package io.weir.demo;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Where the demo puts rules: a directory, or a real etcd through {@code etcdctl}. */
interface RuleShelf extends AutoCloseable {
  /** What an agent is told: {@code rules=...}. */
  String agentOptions();

  /** Puts a rule under its key, for example {@code /service/shop/rate-limit}. */
  void put(String key, String text) throws Exception;

  void delete(String key) throws Exception;

  /** The value, empty when there is none. */
  String get(String key) throws Exception;

  /** The shell command that does the same as {@link #put}, for the reader to try. */
  String putCommand(String key, String text);

  /** The shell command that does the same as {@link #delete}. */
  String deleteCommand(String key);

  @Override
  void close();

  /** The embedded default: a directory of files. */
  final class Directory implements RuleShelf {
    private final Path root;

    Directory(Path root) throws IOException {
      this.root = Files.createDirectories(root);
    }

    @Override
    public String agentOptions() {
      return "rules=file:" + root;
    }

    private Path file(String key) {
      return root.resolve(key.substring(1));
    }

    @Override
    public void put(String key, String text) throws IOException {
      Path f = file(key);
      Files.createDirectories(f.getParent());
      Path beside = Files.createTempFile(root, ".put", ".tmp");
      Files.writeString(beside, text);
      Files.move(beside, f, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void delete(String key) throws IOException {
      Files.deleteIfExists(file(key));
    }

    @Override
    public String get(String key) throws IOException {
      return Files.exists(file(key)) ? Files.readString(file(key)) : "";
    }

    @Override
    public String putCommand(String key, String text) {
      return "echo " + Demo.quoted(text) + " > " + Demo.quoted(file(key).toString());
    }

    @Override
    public String deleteCommand(String key) {
      return "rm " + Demo.quoted(file(key).toString());
    }

    @Override
    public void close() {}
  }

  /** A real etcd of the demo's own on free loopback ports. */
  final class Etcd implements RuleShelf {
    private final Child etcd;
    private final String endpoint;
    private final Path work;

    Etcd(Path work) throws Exception {
      this.work = work;
      int client = freePort();
      int peer = freePort();
      endpoint = "http://127.0.0.1:" + client;
      String peerUrl = "http://127.0.0.1:" + peer;
      etcd =
          Child.start(
              "etcd",
              work,
              List.of(
                  "etcd",
                  "--data-dir",
                  work.resolve("etcd-data").toString(),
                  "--listen-client-urls",
                  endpoint,
                  "--advertise-client-urls",
                  endpoint,
                  "--listen-peer-urls",
                  peerUrl,
                  "--initial-advertise-peer-urls",
                  peerUrl,
                  "--initial-cluster",
                  "default=" + peerUrl));
      HttpClient http = HttpClient.newHttpClient();
      for (int i = 0; ; i++) {
        try {
          if (http.send(
                  HttpRequest.newBuilder(URI.create(endpoint + "/health")).build(),
                  HttpResponse.BodyHandlers.ofString())
              .body()
              .contains("true")) {
            return;
          }
        } catch (IOException notYet) {
          if (i > 300) {
            throw new IOException("etcd did not start; see " + work.resolve("etcd.log"), notYet);
          }
        }
        Thread.sleep(50);
      }
    }

    private static int freePort() throws IOException {
      try (ServerSocket s = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
        return s.getLocalPort();
      }
    }

    @Override
    public String agentOptions() {
      return "rules=etcd;etcd.endpoints=" + endpoint;
    }

    @Override
    public void put(String key, String text) throws Exception {
      etcdctl("put", key, text);
    }

    @Override
    public void delete(String key) throws Exception {
      etcdctl("del", key);
    }

    @Override
    public String get(String key) throws Exception {
      return etcdctl("get", "--print-value-only", key).trim();
    }

    private String etcdctl(String... arguments) throws Exception {
      List<String> command = new ArrayList<>(List.of("etcdctl", "--endpoints", endpoint));
      command.addAll(List.of(arguments));
      ProcessBuilder b =
          new ProcessBuilder(command).redirectErrorStream(true).directory(work.toFile());
      b.environment().put("ETCDCTL_API", "3");
      Process p = b.start();
      p.getOutputStream().close();
      String said =
          new String(p.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      if (p.waitFor() != 0) {
        throw new IOException("etcdctl " + arguments[0] + " failed: " + said);
      }
      return said;
    }

    @Override
    public String putCommand(String key, String text) {
      return "ETCDCTL_API=3 etcdctl --endpoints "
          + endpoint
          + " put "
          + key
          + " "
          + Demo.quoted(text);
    }

    @Override
    public String deleteCommand(String key) {
      return "ETCDCTL_API=3 etcdctl --endpoints " + endpoint + " del " + key;
    }

    @Override
    public void close() {
      etcd.close();
    }
  }
}
