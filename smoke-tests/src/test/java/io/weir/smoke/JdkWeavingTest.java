package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A class of the JDK is woven wherever the JVM takes it from, once, and nothing stays behind. The
 * module that asks for it is an extension of the test's own.
 *
 * <p>{@code -Dweir.rounds=11} for figures that can be told; by default each is taken once.
 */
@ParameterizedClass(name = "JDK {0}")
@MethodSource("jdks")
class JdkWeavingTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String CONNECTION = "sun.net.www.protocol.http.HttpURLConnection";
  private static final String URL = "java.net.URL";
  private static final String REFUSE_ALL = "{\"qps\": 0, \"side\": \"client\"}";

  @Parameter int version;

  private Path extensions;
  private final String rules = new Rules().location();

  static List<Integer> jdks() {
    return Stream.of(8, 11, 17, 21, 25).filter(v -> Jdk.want(v).isPresent()).toList();
  }

  @BeforeEach
  void makeTheExtension() throws IOException {
    extensions = Work.fresh("extensions");
    Path classes =
        Path.of(Apps.compile(8, List.of("jdk-weaving-extension"), ExtensionSample.api(), Map.of()));
    try (ZipOutputStream jar =
            new ZipOutputStream(Files.newOutputStream(extensions.resolve("jdk-count.jar")));
        Stream<Path> files = Files.walk(classes)) {
      put(jar, JarFile.MANIFEST_NAME, "Manifest-Version: 1.0\nWeir-Api-Version: 1\n");
      put(jar, "META-INF/services/io.weir.instrumentation.WeirModule", "jdkx.JdkModule\n");
      for (Path f : files.filter(Files::isRegularFile).toList()) {
        jar.putNextEntry(new ZipEntry(classes.relativize(f).toString()));
        Files.copy(f, jar);
      }
    }
  }

  private static void put(ZipOutputStream jar, String name, String text) throws IOException {
    jar.putNextEntry(new ZipEntry(name));
    jar.write(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Not from an archive, from the JDK's own, from one that has every class the program uses. */
  @Test
  void wovenWhereverTheJvmTakesItFrom() throws IOException {
    List<String> from = new ArrayList<>();
    from.add("-Xshare:off: " + wovenWith("-Xshare:off"));
    String own = wovenWith("-Xshare:auto");
    from.add("the JDK's own archive: " + own);
    Path archive = archive();
    String all = wovenWith("-XX:SharedArchiveFile=" + archive);
    from.add("an archive of all: " + all);
    System.out.println("JDK " + version + ": " + String.join("; ", from));
    assertThat(from.get(0)).doesNotContain("shared");
    if (version >= 17) {
      assertThat(own).contains("URL shared");
    }
    if (version > 8) { // which uses no archive where there is an agent
      assertThat(all).contains("URL shared", "HttpURLConnection shared");
    }
  }

  /** Returns where the JVM has taken both classes from. */
  private String wovenWith(String option) throws IOException {
    Path log = Work.fresh("load").resolve("load.log");
    try (Jvm jvm =
        app("extensions.dir=" + extensions)
            .options("-XX:+UnlockDiagnosticVMOptions", option)
            .options(
                version == 8
                    ? new String[] {"-XX:+TraceClassLoading"}
                    : new String[] {"-Xlog:class+load=info:file=" + log})
            .start()) {
      Await.until(
          PATIENCE,
          () -> call(jvm).matches("CALLED 200 connection=[1-9].* url=[1-9].*"),
          jvm::told);
      assertThat(jvm.complaints()).isEmpty();
      List<String> loaded = version == 8 ? jvm.stdout() : Files.readAllLines(log);
      return "URL " + source(loaded, URL) + ", HttpURLConnection " + source(loaded, CONNECTION);
    }
  }

  private static String source(List<String> loaded, String type) {
    return loaded.stream()
        .filter(l -> l.contains(" " + type + " ") || l.contains("Loaded " + type + " "))
        .findFirst()
        .map(l -> l.contains("shared objects file") ? "shared" : "from its class file")
        .orElse("never");
  }

  /** An archive of the boot loader's classes that the program uses, without the agent. */
  private Path archive() throws IOException {
    Path folder = Work.fresh("archive");
    Path list = folder.resolve("classes.lst");
    Path archive = folder.resolve("all.jsa");
    try (Jvm bare = bare().options("-Xshare:off", "-XX:DumpLoadedClassList=" + list).start()) {
      call(bare);
      bare.endOfInput();
      bare.awaitExit();
    }
    List<String> ofTheJdk =
        Files.readAllLines(list).stream()
            .filter(
                l -> !l.startsWith("JdkWeavingMain") && !l.startsWith("@") && !l.startsWith("#"))
            .toList();
    Files.write(list, ofTheJdk);
    Jvm dump =
        bare()
            .options(
                "-XX:+UnlockDiagnosticVMOptions",
                "-Xshare:dump",
                "-XX:SharedClassListFile=" + list,
                "-XX:SharedArchiveFile=" + archive)
            .launch();
    assertThat(dump.awaitExit()).as(dump.told()).isZero();
    return archive;
  }

  @Test
  void noMemberIsAddedAndNoTransformerStays() throws Exception {
    String bare;
    try (Jvm jvm = bare().start()) {
      bare = shape(jvm);
    }
    int before;
    try (Jvm jvm =
        app("extensions.dir=" + extensions + ";instrumentation.jdk-count.enabled=false").start()) {
      settle(jvm);
      before = transformers(jvm);
    }
    try (Jvm jvm = app("extensions.dir=" + extensions).start()) {
      settle(jvm);
      assertThat(call(jvm)).doesNotContain("connection=0");
      assertThat(shape(jvm)).isEqualTo(bare);
      assertThat(transformers(jvm)).as("with the module and without").isEqualTo(before);
    }
    // up to Java 16 the application's classes are woven by one
    assertThat(before).isEqualTo(version < 17 ? 1 : 0);
  }

  /** Weir's own module, in place of the extension. */
  @Test
  void httpUrlConnectionIsGovernedWithoutAMemberMoreAndWithoutATransformer() throws Exception {
    String bare;
    try (Jvm jvm = bare().start()) {
      bare = shape(jvm);
    }
    int before;
    try (Jvm jvm = app("").start()) {
      settle(jvm);
      before = transformers(jvm);
    }
    Rules refusing = new Rules().put("service/127.0.0.1/rate-limit", REFUSE_ALL);
    try (Jvm jvm = bare().weir("service=shop;rules=" + refusing.location()).start()) {
      Await.until(PATIENCE, () -> call(jvm).startsWith("CALLED 429 "), jvm::told);
      assertThat(shape(jvm)).isEqualTo(bare);
      assertThat(transformers(jvm)).as("with the module and without").isEqualTo(before);
      assertThat(jvm.complaints()).isEmpty();
    }
  }

  /** Those of all agents in a JVM, as the heap shows them. */
  private static int transformers(Jvm jvm) throws IOException {
    Process p =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                Long.toString(jvm.pid()),
                "GC.class_histogram")
            .redirectErrorStream(true)
            .start();
    String histogram = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(histogram).contains("java.lang.String");
    return histogram
        .lines()
        .filter(l -> l.matches(".* sun\\.instrument\\.TransformerManager\\$TransformerInfo( .*)?"))
        .mapToInt(l -> Integer.parseInt(l.trim().split("\\s+")[1]))
        .sum();
  }

  /**
   * What a start costs with the extension, and with the two classes woven, above one without; and
   * with Weir's own module for HttpURLConnection.
   */
  @Test
  void costAtStart() throws IOException {
    Jvm.Builder[] variants = {
      app(""),
      app("extensions.dir=" + extensions + ";instrumentation.jdk-count.enabled=false"),
      app("extensions.dir=" + extensions),
      bare().weir("service=shop;rules=" + rules)
    };
    int rounds = Integer.getInteger("weir.rounds", 1);
    double[][] cpu = new double[variants.length][rounds];
    double[][] memory = new double[variants.length][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int v = 0; v < variants.length; v++) {
        int variant = (v + round) % variants.length;
        try (Jvm jvm = variants[variant].start()) {
          settle(jvm);
          call(jvm);
          cpu[variant][round] = cpuMillis(jvm);
          memory[variant][round] = residentMegabytes(jvm);
        }
      }
    }
    System.out.printf(
        Locale.ROOT,
        "JDK %d: without %.0f ms of CPU, %.1f MB; the extension %+.0f ms, %+.1f MB;"
            + " two classes of the JDK woven %+.0f ms, %+.1f MB;"
            + " instead of all that HttpURLConnection %+.0f ms, %+.1f MB"
            + " (means of the middle half of %d)%n",
        version,
        mean(cpu[0]),
        mean(memory[0]),
        mean(cpu[1]) - mean(cpu[0]),
        mean(memory[1]) - mean(memory[0]),
        mean(cpu[2]) - mean(cpu[1]),
        mean(memory[2]) - mean(memory[1]),
        mean(cpu[3]) - mean(cpu[0]),
        mean(memory[3]) - mean(memory[0]),
        rounds);
  }

  /** Of the middle half: CPU time comes in steps, and the machine has other work. */
  private static double mean(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int cut = sorted.length / 4;
    return Arrays.stream(sorted, cut, sorted.length - cut).average().orElseThrow();
  }

  /** In steps of ten. */
  private static double cpuMillis(Jvm jvm) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + jvm.pid() + "/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return 10.0 * (Long.parseLong(fields[11]) + Long.parseLong(fields[12]));
  }

  private static double residentMegabytes(Jvm jvm) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + jvm.pid() + "/status")).stream()
        .filter(l -> l.startsWith("VmRSS:"))
        .mapToDouble(l -> Double.parseDouble(l.replaceAll("\\D+", "")) / 1024)
        .findFirst()
        .orElseThrow();
  }

  /** The control plane, which begins after weaving, is there. */
  private static void settle(Jvm jvm) {
    call(jvm);
    jvm.awaitStderr("connected to ");
  }

  /** The extension weaves a class that is Weir's own to weave, if that is not switched off. */
  private Jvm.Builder app(String options) {
    return bare()
        .weir(
            "service=shop;instrumentation.urlconnection.enabled=false;rules="
                + rules
                + ";"
                + options);
  }

  private Jvm.Builder bare() {
    return Jvm.of(
        Jdk.find(version).orElseThrow(),
        Apps.compile(8, List.of("jdk-weaving"), "", Map.of()),
        "JdkWeavingMain");
  }

  private static String call(Jvm jvm) {
    return say(jvm, "call", "CALLED ");
  }

  private static String shape(Jvm jvm) {
    return say(jvm, "shape", "SHAPE ");
  }

  private static String say(Jvm jvm, String line, String answer) {
    int before = answers(jvm, answer).size();
    jvm.say(line);
    Await.until(PATIENCE, () -> answers(jvm, answer).size() > before, jvm::told);
    return answers(jvm, answer).get(before);
  }

  private static List<String> answers(Jvm jvm, String answer) {
    return jvm.stdout().stream().filter(l -> l.startsWith(answer)).toList();
  }
}
