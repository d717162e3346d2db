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
   * test, or the usual place of Linux packages.
   */
  static Optional<Jdk> find(int version) {
    List<Path> candidates = new ArrayList<>();
    String named = System.getenv("WEIR_JDK" + version);
    if (named != null) {
      candidates.add(Path.of(named));
    }
    candidates.add(Path.of(System.getProperty("java.home")));
    Path usual = Path.of("/usr/lib/jvm");
    if (Files.isDirectory(usual)) {
      try (DirectoryStream<Path> homes = Files.newDirectoryStream(usual)) {
        homes.forEach(candidates::add);
      } catch (IOException unreadable) {
        // then there is none
      }
    }
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
      String text = "JDK " + version + " not found: set WEIR_JDK" + version + " to its home";
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

  private static int version(Path home) {
    Path release = home.resolve("release");
    if (!Files.isExecutable(home.resolve("bin/java")) || !Files.isRegularFile(release)) {
      return -1;
    }
    Properties p = new Properties();
    try (var in = Files.newBufferedReader(release)) {
      p.load(in);
    } catch (IOException unreadable) {
      return -1;
    }
    String v = p.getProperty("JAVA_VERSION", "").replace("\"", "");
    int dot = v.indexOf('.');
    try {
      return Integer.parseInt(dot < 0 ? v : v.substring(0, dot));
    } catch (NumberFormatException odd) {
      return -1;
    }
  }
}
