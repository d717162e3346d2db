package io.weir.smoke;

import io.weir.control.testing.EtcdServer;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;

/**
 * Rules as an operator keeps them: in a directory, {@code DIR/service/NAME/rate-limit.json}, each
 * file replaced atomically; or in etcd.
 */
final class Rules {
  private final Path directory = Work.fresh("rules");
  private final EtcdServer etcd;
  private int probe;

  Rules() {
    this(null);
  }

  /**
   * @param etcd where to put them; null for a directory
   */
  Rules(EtcdServer etcd) {
    this.etcd = etcd;
  }

  /** Value of {@code weir.rules}. */
  String location() {
    return etcd != null ? "etcd" : "file:" + directory;
  }

  Path directory() {
    return directory;
  }

  /**
   * Writes a rule.
   *
   * @param key as in etcd, without the leading slash: {@code service/shop/rate-limit}
   */
  Rules put(String key, String value) {
    if (etcd != null) {
      etcd.txn("", "/" + key, value);
      return this;
    }
    boolean yaml = !value.stripLeading().startsWith("{");
    Path file = directory.resolve(key + (yaml ? ".yaml" : ".json"));
    try {
      Files.createDirectories(file.getParent());
      Path fresh = Files.createTempFile(directory, ".new", null);
      Files.writeString(fresh, value);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return this;
  }

  /** Takes a rule away. */
  Rules remove(String key) {
    try {
      Files.deleteIfExists(directory.resolve(key + ".json"));
      Files.deleteIfExists(directory.resolve(key + ".yaml"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return this;
  }

  /** Takes away what lies in a folder. */
  Rules removeAll(String folder) {
    File[] files = directory.resolve(folder).toFile().listFiles();
    for (File file : files == null ? new File[0] : files) {
      if (!file.delete()) {
        throw new IllegalStateException(file + " cannot be deleted");
      }
    }
    return this;
  }

  /**
   * Waits until all that was put is in force in a JVM that serves HTTP: puts one more rule, which
   * refuses requests with a mark nobody else sends, and asks until it does. The rule is keyed, so
   * it is asked before those that are not and takes none of their tokens.
   *
   * @param path of some handler: what no handler answers, containers turn away before governing
   */
  Rules awaitInForce(String service, Jvm jvm, String path) {
    String mark = Integer.toString(++probe);
    put(
        "service/" + service + "/rate-limit/probe",
        "{\"qps\": 0, \"by\": [\"header:X-Weir-Probe\"], \"on_missing\": \"skip\", \"match\":"
            + " \"header:X-Weir-Probe == '"
            + mark
            + "'\", \"response\": {\"headers\": {\"X-Weir-Probe\": \""
            + mark
            + "\"}}}");
    HttpRequest ask =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + jvm.port() + path))
            .header("X-Weir-Probe", mark)
            .build();
    HttpClient client = HttpClient.newHttpClient();
    Await.until(
        Duration.ofSeconds(15),
        () ->
            client
                .send(ask, HttpResponse.BodyHandlers.discarding())
                .headers()
                .firstValue("X-Weir-Probe")
                .filter(mark::equals)
                .isPresent(),
        () -> "the rules in " + directory + " are not in force\n" + jvm.told());
    return this;
  }
}
