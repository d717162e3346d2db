package io.weir.smoke;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where the tests leave their files: under {@code target}. */
final class Work {
  private static final Path ROOT = Path.of(System.getProperty("weir.work", "target/smoke"));

  private Work() {}

  /** The agent under test. */
  static Path weirJar() {
    Path jar = Path.of(System.getProperty("weir.jar", "../agent/target/weir.jar")).toAbsolutePath();
    if (!Files.isRegularFile(jar)) {
      throw new IllegalStateException(jar.normalize() + " is missing: package module agent first");
    }
    return jar.normalize();
  }

  /** A folder by name, made when it is not there. */
  static Path directory(String name) throws IOException {
    return Files.createDirectories(ROOT.resolve(name)).toAbsolutePath();
  }

  /** A fresh folder. */
  static Path fresh(String prefix) {
    try {
      return Files.createTempDirectory(directory("tmp"), prefix + "-");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
