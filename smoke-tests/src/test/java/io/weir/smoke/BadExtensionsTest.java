package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** A bad extension is left out as a whole and named; what stands beside it goes on. */
@ParameterizedClass(name = "JDK {0}")
@MethodSource("jdks")
class BadExtensionsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String SERVICE = "META-INF/services/io.weir.instrumentation.WeirModule";

  @Parameter int version;

  private final Path extensions = Work.fresh("extensions");

  /** What is said of each bad jar. */
  private final Map<String, String> said = new LinkedHashMap<>();

  static List<Integer> jdks() {
    return Stream.of(8, 25).filter(v -> Jdk.want(v).isPresent()).toList();
  }

  @Test
  void everyBadOneIsNamedAndTheOthersGoOn() throws Exception {
    ExtensionSample sample = ExtensionSample.build();
    Files.copy(sample.extension(), extensions.resolve("parley-weir.jar"));
    Files.writeString(extensions.resolve("README.txt"), "no jar");
    jarsThatAreNone(sample);
    modulesThatAreWrong(sample);
    Rules rules =
        new Rules().put("service/127.0.0.1/rate-limit", "{\"qps\": 0, \"side\": \"client\"}");
    try (Jvm jvm =
        app(sample)
            .weir(
                "service=shop;admin.port=0;extensions.dir="
                    + extensions
                    + ";rules="
                    + rules.location())
            .start()) {
      Await.until(PATIENCE, () -> codes(jvm).equals("CODES 429 1"), jvm::told);
      String admin =
          jvm.awaitStderr("admin endpoint on ")
              .replaceAll(".*(http://127\\.0\\.0\\.1:\\d+).*", "$1");
      String coverage = get(admin + "/coverage");
      String doctor =
          new Cli(Work.fresh("doctor"))
              .env("WEIR_EXTENSIONS_DIR", extensions.toString())
              .run("doctor")
              .out();
      said.forEach(
          (jar, why) -> {
            assertThat(jvm.stderr().stream().filter(l -> l.contains("extension " + jar + " is")))
                .as(jar)
                .singleElement()
                .asString()
                .contains("is left out: ")
                .contains(why);
            assertThat(coverage).contains("{\"extension\":\"" + jar + "\",\"why\":\"");
            if (!why.contains("this JVM is Java")) {
              assertThat(doctor).contains("extension " + jar + ": is left out: ").contains(why);
            }
          });
      assertThat(doctor).contains("extension parley-weir.jar: instrumentation parley");
      assertThat(jvm.complaints()).as("and of nothing else").hasSize(said.size());
      assertThat(jvm.stderr())
          .anyMatch(l -> l.contains("extension parley-weir.jar: instrumentation"));
    }
  }

  @Test
  void directoryWithoutAJarIsToldAndTheAgentGoesOn() throws IOException {
    ExtensionSample sample = ExtensionSample.build();
    Rules rules =
        new Rules().put("service/127.0.0.1/rate-limit", "{\"qps\": 0, \"side\": \"client\"}");
    for (String directory : List.of(extensions.toString(), extensions + "/none")) {
      try (Jvm jvm =
          app(sample)
              .weir("service=shop;extensions.dir=" + directory + ";rules=" + rules.location())
              .start()) {
        jvm.awaitStderr(
            directory.endsWith("none")
                ? "extension " + directory + " is left out: it is no directory that can be read"
                : "extension " + directory + " is left out: there is no jar in it");
        Await.until(PATIENCE, () -> codes(jvm).equals("CODES 429 0"), jvm::told);
      }
    }
  }

  @Test
  void doctorTellsWhichInstancesHaveLeftOneOut() throws IOException {
    Files.writeString(extensions.resolve("broken.jar"), "no jar");
    try (EtcdServer etcd = EtcdServer.start();
        Jvm jvm =
            app(ExtensionSample.build())
                .weir(
                    "service=shop;drain_ms=0;extensions.dir="
                        + extensions
                        + ";etcd.endpoints="
                        + etcd.endpoint())
                .start()) {
      Cli weir = new Cli(Work.fresh("doctor")).env("WEIR_ETCD_ENDPOINTS", etcd.endpoint());
      Await.until(
          PATIENCE,
          () ->
              weir.run("doctor").out().contains("broken.jar: is left out in 1 instance of shop: "),
          () -> weir.run("doctor") + "\n" + jvm.told());
    }
  }

  @Test
  void theApplicationSeesNothingOfAnExtension() throws Exception {
    ExtensionSample sample = ExtensionSample.build();
    Files.copy(sample.extension(), extensions.resolve("parley-weir.jar"));
    try (Jvm jvm = app(sample).weir("service=shop;extensions.dir=" + extensions).start()) {
      codes(jvm);
      jvm.awaitStdout("CODES");
      jvm.say("seen");
      assertThat(jvm.awaitStdout("SEEN")).isEqualTo("SEEN []");
    }
  }

  private void jarsThatAreNone(ExtensionSample sample) throws IOException {
    Files.writeString(extensions.resolve("broken.jar"), "PK but no jar");
    said.put("broken.jar", "zip");
    Map<String, byte[]> good = entries(sample.extension());
    String call = "org/example/parley/weir/adapter/CallHook.class";

    write("no-module.jar", without(good, SERVICE), "it names no module in " + SERVICE);
    write("no-adapter.jar", without(good, call), "adapter.CallHook is not in it");
    byte[] newer = good.get(call).clone();
    newer[6] = 0;
    newer[7] = 99;
    write(
        "too-new.jar",
        with(good, call, newer),
        "CallHook is compiled for Java 55, and this JVM is Java " + version);
    write("cut-class.jar", with(good, call, new byte[] {1, 2, 3}), "CallHook is no class file");
    write(
        "other-api.jar",
        with(good, JarFile.MANIFEST_NAME, manifest("Weir-Api-Version: 99\n")),
        "it is for version 99 of the API");
    write(
        "no-api.jar",
        with(good, JarFile.MANIFEST_NAME, manifest("")),
        "its manifest does not say which API it is for");
    write("z-again.jar", good, "another instrumentation is called parley");
    String library = "org/example/parley/ParleyClient.class";
    write(
        "bundled.jar",
        with(good, library, entries(sample.library()).get(library)),
        "it has org.example.parley.ParleyClient in it, which it weaves");
    write(
        "ours.jar",
        with(good, "io/weir/engine/gate/Engine.class", good.get(call)),
        "Weir's own classes are the agent's to bring");
    write("large.jar", with(good, "large", new byte[9 << 20]), "it has more than 8 MiB in it");
    write(
        "lost-module.jar",
        with(good, SERVICE, "org.example.Lost\n".getBytes(StandardCharsets.UTF_8)),
        "the module org.example.Lost is not in it");
  }

  private void modulesThatAreWrong(ExtensionSample sample) throws IOException {
    bad(
        "throws.jar",
        "// constructor",
        "if (true) throw new IllegalStateException(\"no reason\");",
        "java.lang.IllegalStateException: no reason at bad.BadModule.<init>");
    bad(
        "throws-later.jar",
        "// hooks",
        "if (true) throw new StackOverflowError();",
        "java.lang.StackOverflowError");
    bad(
        "hook-twice.jar",
        "new String[] {",
        "new String[] {\"bad.BadModule$BadHook\", ",
        "the hook bad.BadModule$BadHook is there twice");
    bad(
        "no-hook.jar",
        "new String[] {\"bad.BadModule$BadHook\"}",
        "new String[] {\"bad.BadModule$TextAdvice\"}",
        "the adapter bad.BadModule$TextAdvice is no io.weir.bootstrap.Hook");
    bad(
        "private-hook.jar",
        "public BadHook(",
        "BadHook(",
        "is not public, with a public constructor that takes the Engine");
    bad(
        "other-hook.jar",
        "Bridge.hook(\"bad.",
        "Bridge.hook(\"worse.",
        "its module does not have the hook worse.BadModule$BadHook");
    bad("advice.jar", "(suppress = Throwable.class)", "", "does not suppress Throwable");
    bad(
        "no-advice.jar",
        "\"bad.BadModule$TextAdvice\"",
        "\"bad.BadModule$NoAdvice\"",
        "no advice bad.BadModule$NoAdvice");
    bad(
        "matcher.jar",
        "named(\"text\")",
        "nameContains(\"text\")",
        "uses net.bytebuddy.matcher.ElementMatchers.nameContains");
    bad(
        "byte-buddy.jar",
        "named(\"text\")",
        "m -> m.getName().equals(\"text\")",
        "uses net.bytebuddy.description.method.MethodDescription, which is no part of the API");
    bad("name.jar", "super(\"bad\")", "super(\"Bad!\")", "'Bad!' is no name of an instrumentation");
    bad(
        "okhttp.jar",
        "org.example.parley.Reply",
        "okhttp3.OkHttpClient",
        "okhttp3.OkHttpClient is woven by the instrumentation okhttp already");
    bad(
        "loader.jar",
        "org.example.parley.Reply",
        "java.lang.ClassLoader",
        "java.lang.ClassLoader is woven by the agent itself");
  }

  private void bad(String jar, String text, String by, String why) throws IOException {
    Map<String, byte[]> entries = new TreeMap<>();
    Path classes =
        Path.of(Apps.compile(8, List.of("extension-bad"), ExtensionSample.api(), Map.of(text, by)));
    try (Stream<Path> files = Files.walk(classes)) {
      for (Path f : files.filter(Files::isRegularFile).toList()) {
        entries.put(classes.relativize(f).toString(), Files.readAllBytes(f));
      }
    }
    entries.put(SERVICE, "bad.BadModule\n".getBytes(StandardCharsets.UTF_8));
    entries.put(JarFile.MANIFEST_NAME, manifest("Weir-Api-Version: 1\n"));
    write(jar, entries, why);
  }

  private static byte[] manifest(String line) throws IOException {
    Manifest m =
        new Manifest(
            new java.io.ByteArrayInputStream(
                ("Manifest-Version: 1.0\n" + line).getBytes(StandardCharsets.UTF_8)));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    m.write(out);
    return out.toByteArray();
  }

  private void write(String jar, Map<String, byte[]> entries, String why) throws IOException {
    try (ZipOutputStream out =
        new ZipOutputStream(Files.newOutputStream(extensions.resolve(jar)))) {
      for (Map.Entry<String, byte[]> e : entries.entrySet()) {
        out.putNextEntry(new ZipEntry(e.getKey()));
        out.write(e.getValue());
      }
    }
    said.put(jar, why);
  }

  private static Map<String, byte[]> with(Map<String, byte[]> all, String path, byte[] bytes) {
    Map<String, byte[]> changed = new TreeMap<>(all);
    changed.put(path, bytes);
    return changed;
  }

  private static Map<String, byte[]> without(Map<String, byte[]> all, String path) {
    Map<String, byte[]> changed = new TreeMap<>(all);
    assertThat(changed.remove(path)).isNotNull();
    return changed;
  }

  private static Map<String, byte[]> entries(Path jar) throws IOException {
    Map<String, byte[]> entries = new TreeMap<>();
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      for (ZipEntry e : zip.stream().filter(e -> !e.isDirectory()).toList()) {
        entries.put(e.getName(), zip.getInputStream(e).readAllBytes());
      }
    }
    return entries;
  }

  private Jvm.Builder app(ExtensionSample sample) {
    String jars =
        sample.library() + File.pathSeparator + Maven.resolve("com.squareup.okhttp3:okhttp:3.14.9");
    return Jvm.of(
        Jdk.find(version).orElseThrow(),
        Apps.with(Apps.compile(8, List.of("extension"), jars, Map.of()), jars),
        "ExtensionMain");
  }

  private static String codes(Jvm jvm) {
    int before = jvm.stdout().size();
    jvm.say("go");
    Await.until(PATIENCE, () -> jvm.stdout().size() > before, jvm::told);
    return jvm.stdout().get(before);
  }

  private static String get(String url) throws Exception {
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString())
        .body();
  }
}
