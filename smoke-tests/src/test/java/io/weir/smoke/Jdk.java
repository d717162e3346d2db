package io.weir.smoke;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/** A JDK on this machine. */
record Jdk(int version, Path home) {

  /**
   * The JDK of a feature version: from the environment ({@code WEIR_JDK25}), the one that runs this
   * test, the usual place of Linux packages, or what {@code scripts/jdks} has fetched.
   */
  static Optional<Jdk> find(int version) {
    List<Path> candidates = new ArrayList<>();
    String named = System.getenv("WEIR_JDK" + version);
    if (named != null) {
      candidates.add(Path.of(named));
    }
    candidates.add(Path.of(System.getProperty("java.home")));
    candidates.addAll(children(Path.of("/usr/lib/jvm")));
    String cache = System.getenv("XDG_CACHE_HOME");
    Path cached =
        cache != null ? Path.of(cache) : Path.of(System.getProperty("user.home"), ".cache");
    candidates.addAll(children(cached.resolve("weir/jdks/" + version + "/usr/lib/jvm")));
    return candidates.stream()
        .filter(home -> version(home) == version)
        .map(home -> new Jdk(version, home))
        .findFirst();
  }

  /**
   * As {@link #find}; when there is none, fails where CI (or {@code WEIR_REQUIRE_JDK25}) wants it,
   * else says loudly what is not tested.
   */
  static Optional<Jdk> want(int version) {
    Optional<Jdk> found = find(version);
    if (found.isEmpty()) {
      String text = "JDK " + version + " not found: run scripts/jdks, or set WEIR_JDK" + version;
      if (System.getenv("CI") != null || System.getenv("WEIR_REQUIRE_JDK" + version) != null) {
        throw new IllegalStateException(text);
      }
      System.err.println("!!! NOT TESTED ON JDK " + version + ": " + text);
    }
    return found;
  }

  Path java() {
    return home.resolve("bin/java");
  }

  private static List<Path> children(Path folder) {
    List<Path> children = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> homes = Files.newDirectoryStream(folder)) {
        homes.forEach(children::add);
      } catch (IOException unreadable) {
        // then there is none
      }
    }
    return children;
  }

  private static int version(Path home) {
    Path release = home.resolve("release");
    if (!Files.isExecutable(home.resolve("bin/java"))) {
      return -1;
    }
    if (!Files.isRegularFile(release)) {
      // Debian's Java 8 has none
      return Files.isRegularFile(home.resolve("jre/lib/rt.jar")) ? 8 : -1;
    }
    Properties p = new Properties();
    try (var in = Files.newBufferedReader(release)) {
      p.load(in);
    } catch (IOException unreadable) {
      return -1;
    }
    String v = p.getProperty("JAVA_VERSION", "").replace("\"", "");
    if (v.startsWith("1.")) { // up to Java 8
      v = v.substring(2);
    }
    int dot = v.indexOf('.');
    try {
      return Integer.parseInt(dot < 0 ? v : v.substring(0, dot));
    } catch (NumberFormatException odd) {
      return -1;
    }
  }
}
