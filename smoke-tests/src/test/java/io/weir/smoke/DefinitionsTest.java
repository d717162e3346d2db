package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A class is woven however it comes into the JVM, and the JVM copies no other for it. */
@ParameterizedClass(name = "JDK {0}")
@MethodSource("jdks")
class DefinitionsTest {
  private static final String BY_TRANSFORMER = "weaving by a transformer";

  @Parameter int version;

  static List<Integer> jdks() {
    return Stream.of(17, 25).filter(v -> Jdk.want(v).isPresent()).toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"unnamed", "direct", "heap", "middle"})
  void wayALoaderDefinesItsClasses(String how) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(how));
    arguments.addAll(client());
    try (Jvm jvm =
        Jvm.of(jdk(), main().toString(), "LoadersMain")
            .arguments(arguments.toArray(String[]::new))
            .weir(options())
            .start()) {
      governed(jvm);
      assertThat(jvm.stderr()).noneMatch(l -> l.contains(BY_TRANSFORMER));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-Xshare:off",
        "-Xint",
        "-Xverify:all",
        "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0",
        "-XX:StartFlightRecording=filename=/dev/null"
      })
  void wayTheJvmIsRun(String option) throws IOException {
    try (Jvm jvm = byClassPath(classpath()).options(option).weir(options()).start()) {
      governed(jvm);
      assertThat(jvm.stderr()).noneMatch(l -> l.contains(BY_TRANSFORMER));
    }
  }

  /** The JVM takes its classes from there, without asking their loader. */
  @ParameterizedTest
  @ValueSource(strings = {"on the command line", "in the environment"})
  void classDataArchiveOfTheApplication(String told) throws IOException {
    Path archive = Work.fresh("archive").resolve("app.jsa");
    Path log = archive.resolveSibling("load.log");
    try (Jvm jvm =
        archived(
            "-XX:ArchiveClassesAtExit=" + archive,
            "-XX:SharedArchiveFile=" + archive,
            told.startsWith("in"),
            log)) {
      governed(jvm);
      jvm.awaitStderr(BY_TRANSFORMER + ": -XX:SharedArchiveFile=" + archive);
    }
    assertThat(Files.readAllLines(log))
        .as("the archive is in use")
        .anyMatch(l -> l.matches(".* okhttp3\\.Request source: shared objects file.*"));
  }

  /** JDK 25 gives it up for any agent: its module graph is another one. */
  @Test
  void aotCacheOfTheApplication() throws IOException {
    if (version < 25) {
      return; // there are none
    }
    Path cache = Work.fresh("archive").resolve("app.aot");
    Path log = cache.resolveSibling("load.log");
    try (Jvm jvm = archived("-XX:AOTCacheOutput=" + cache, "-XX:AOTCache=" + cache, false, log)) {
      governed(jvm);
      jvm.awaitStderr(BY_TRANSFORMER + ": -XX:AOTCache=" + cache);
    }
  }

  /** Runs the application without the agent to make an archive, then with both. */
  private Jvm archived(String make, String use, boolean environment, Path log) throws IOException {
    String classpath = classpath();
    try (Jvm jvm = byClassPath(classpath).options(make).start()) {
      jvm.say("go");
      jvm.awaitStdout("CODE 204");
      jvm.endOfInput();
      jvm.awaitExit();
    }
    assertThat(Path.of(make.substring(make.indexOf('=') + 1))).isNotEmptyFile();
    Jvm.Builder b =
        byClassPath(classpath).options("-Xlog:class+load=info:file=" + log).weir(options());
    return (environment ? b.env("JAVA_TOOL_OPTIONS", use) : b.options(use)).start();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void agentThatRetransformsTheClassLoader(boolean first) throws IOException {
    String other = "-javaagent:" + loaderAgent() + "=retransform";
    Jvm.Builder b = byClassPath(classpath());
    if (first) {
      b.options(other);
    }
    b.weir(options());
    if (!first) {
      b.options(other);
    }
    try (Jvm jvm = b.start()) {
      governed(jvm);
      jvm.awaitStderr("LoaderAgent: retransform");
      assertThat(jvm.stderr()).noneMatch(l -> l.contains(BY_TRANSFORMER));
    }
  }

  @Test
  void agentThatPutsTheClassLoaderBack() throws IOException {
    try (Jvm jvm =
        byClassPath(classpath())
            .weir(options())
            .options("-javaagent:" + loaderAgent() + "=redefine")
            .start()) {
      governed(jvm);
      jvm.awaitStderr(BY_TRANSFORMER + " from now on: LoadersMain was defined");
    }
  }

  @Test
  void transformerWhereItIsWanted() throws IOException {
    try (Jvm jvm = byClassPath(classpath()).weir(options() + ";weaving=transformer").start()) {
      governed(jvm);
    }
    try (Jvm jvm = byClassPath(classpath()).weir(options() + ";weaving=magic").start()) {
      governed(jvm);
      jvm.awaitStderr("weir.weaving: unknown value 'magic', expected auto or transformer");
    }
  }

  private void governed(Jvm jvm) {
    Await.until(
        Duration.ofSeconds(15),
        () -> {
          long answers = codes(jvm);
          jvm.say("go");
          Await.until(Duration.ofSeconds(15), () -> codes(jvm) > answers, jvm::told);
          return jvm.stdout().contains("CODE 429");
        },
        () -> "a refused call\n" + jvm.told());
    assertThat(jvm.stderr()).noneMatch(l -> l.contains("could not be woven"));
  }

  private static long codes(Jvm jvm) {
    return jvm.stdout().stream().filter(l -> l.startsWith("CODE ")).count();
  }

  private static String options() {
    Rules rules =
        new Rules().put("service/127.0.0.1/rate-limit", "{\"qps\": 0, \"side\": \"client\"}");
    return "service=shop;log=debug;rules=" + rules.location();
  }

  private Jdk jdk() {
    return Jdk.find(version).orElseThrow();
  }

  private Jvm.Builder byClassPath(String classpath) {
    return Jvm.of(jdk(), classpath, "LoadersMain").arguments("app");
  }

  private static String classpath() throws IOException {
    return main() + File.pathSeparator + String.join(File.pathSeparator, client());
  }

  private static Path main() throws IOException {
    return jar("loaders", new Manifest(), Apps.compile("loaders", "", Map.of()));
  }

  /** Jars, because an archive takes classes from no folder. */
  private static List<String> client() throws IOException {
    String okhttp = Maven.resolve("com.squareup.okhttp3:okhttp:3.14.9");
    List<String> jars = new ArrayList<>(List.of(okhttp.split(File.pathSeparator)));
    String call = Apps.compile("loaders-call", okhttp, Map.of());
    jars.add(jar("loaders-call", new Manifest(), call).toString());
    return jars;
  }

  private static Path loaderAgent() throws IOException {
    Manifest manifest = new Manifest();
    Attributes a = manifest.getMainAttributes();
    a.putValue("Premain-Class", "LoaderAgent");
    a.putValue("Can-Retransform-Classes", "true");
    a.putValue("Can-Redefine-Classes", "true");
    return jar("loader-agent", manifest, Apps.compile("loader-agent", "", Map.of()));
  }

  private static Path jar(String name, Manifest manifest, String classes) throws IOException {
    Path jar = Work.fresh("jars").resolve(name + ".jar");
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest);
        Stream<Path> files = Files.list(Path.of(classes))) {
      for (Path f : files.toList()) {
        out.putNextEntry(new ZipEntry(f.getFileName().toString()));
        Files.copy(f, out);
      }
    }
    return jar;
  }
}
