package io.weir.smoke;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * {@code smoke-tests/extension-sample}, built by Maven itself as a stranger would build it: against
 * the artifacts of this build, in a repository of their own. The local repository of whoever runs
 * the test is read and not written.
 */
record ExtensionSample(Path library, Path shop, Path extension) {
  private static final String VERSION = "0.1.0-SNAPSHOT";
  private static ExtensionSample built;

  /** Once in each test JVM. */
  static synchronized ExtensionSample build() {
    if (built == null) {
      try {
        built = buildNow();
      } catch (IOException e) {
        throw new IllegalStateException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
    return built;
  }

  private static ExtensionSample buildNow() throws IOException, InterruptedException {
    Path root = root();
    Path work = Work.fresh("extension-sample");
    Path repository = work.resolve("repository");
    Files.createDirectories(repository);
    publish(repository, "weir-parent", root.resolve("pom.xml"), null);
    for (String module : List.of("bootstrap", "engine", "instrumentation-api")) {
      publish(
          repository,
          "weir-" + module,
          root.resolve(module).resolve("pom.xml"),
          root.resolve(module + "/target/weir-" + module + "-" + VERSION + ".jar"));
    }
    Path sample = work.resolve("sample");
    copy(root.resolve("smoke-tests/extension-sample"), sample);
    Path log = work.resolve("mvn.log");
    Process mvn =
        new ProcessBuilder(
                "mvn",
                "-B",
                "-q",
                "-f",
                sample.toString(),
                "-gs",
                settings(work, repository).toString(),
                "-Dmaven.repo.local=" + work.resolve("local"),
                "package")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    if (mvn.waitFor() != 0) {
      throw new IllegalStateException("the sample does not build:\n" + Files.readString(log));
    }
    return new ExtensionSample(
        sample.resolve("parley/target/parley-1.0.jar"),
        sample.resolve("parley-shop/target/parley-shop-1.0.jar"),
        sample.resolve("parley-weir/target/parley-weir-1.0.jar"));
  }

  /** Of the project: this test runs in {@code smoke-tests}. */
  static Path root() {
    return Path.of("").toAbsolutePath().getParent();
  }

  /** Class path of what an extension is compiled against, without its library. */
  static String api() {
    StringBuilder s = new StringBuilder();
    for (String module : List.of("bootstrap", "engine", "instrumentation-api")) {
      s.append(root().resolve(module).resolve("target/classes")).append(File.pathSeparator);
    }
    // alone: a dependency of theirs is not there to be had, and not needed
    for (String artifact :
        List.of(
            "net.bytebuddy:byte-buddy:" + version("byte-buddy"),
            "io.opentelemetry.javaagent:opentelemetry-javaagent-extension-api:"
                + version("otel.extension-api"),
            "io.opentelemetry:opentelemetry-sdk-extension-autoconfigure-spi:" + version("otel"))) {
      s.append(Maven.artifact(artifact)).append(File.pathSeparator);
    }
    return s.toString();
  }

  /** As the project's own POM says. */
  private static String version(String of) {
    try {
      return Files.readString(root().resolve("pom.xml"))
          .replaceAll("(?s).*<" + of + "\\.version>([^<]*)<.*", "$1");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void publish(Path repository, String artifact, Path pom, Path jar)
      throws IOException {
    Path folder = repository.resolve("io/weir/" + artifact + "/" + VERSION);
    Files.createDirectories(folder);
    Files.copy(pom, folder.resolve(artifact + "-" + VERSION + ".pom"));
    if (jar != null) {
      Files.copy(jar, folder.resolve(artifact + "-" + VERSION + ".jar"));
    }
  }

  private static Path settings(Path work, Path repository) throws IOException {
    String local = System.getProperty("user.home") + "/.m2/repository";
    String both = "";
    for (String kind : List.of("repository", "pluginRepository")) {
      String kinds = kind.replace("ory", "ories");
      both += "<" + kinds + ">";
      for (String[] r :
          new String[][] {{"weir", repository.toUri().toString()}, {"near", "file://" + local}}) {
        both +=
            "<"
                + kind
                + "><id>"
                + r[0]
                + "</id><url>"
                + r[1]
                + "</url><snapshots><enabled>true</enabled></snapshots></"
                + kind
                + ">";
      }
      both += "</" + kinds + ">";
    }
    Path settings = work.resolve("settings.xml");
    Files.write(
        settings,
        ("<settings><profiles><profile><id>weir</id>"
                + both
                + "</profile></profiles><activeProfiles><activeProfile>weir</activeProfile>"
                + "</activeProfiles></settings>\n")
            .getBytes(StandardCharsets.UTF_8));
    return settings;
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path f : files.toList()) {
        Path relative = from.relativize(f);
        if (relative.toString().contains("target")) {
          continue;
        }
        if (Files.isDirectory(f)) {
          Files.createDirectories(to.resolve(relative));
        } else {
          Files.copy(f, to.resolve(relative), StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }
}
