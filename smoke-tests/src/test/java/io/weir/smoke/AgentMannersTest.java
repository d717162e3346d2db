package io.weir.smoke;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Never hurt the application: what goes wrong with the agent stays with the agent. */
@ParameterizedClass(name = "{0}")
@MethodSource("cells")
class AgentMannersTest {
  @Parameter Matrix.Cell cell;

  static List<Matrix.Cell> cells() {
    return Matrix.cells("manners");
  }

  @Test
  void missingPropertiesFileIsToldAndTheApplicationRuns() throws IOException {
    try (Jvm jvm = Sites.jvm(cell).weir("/nowhere/weir.properties").start()) {
      assertThat(hello(jvm)).isEqualTo(200);
      jvm.awaitStderr("/nowhere/weir.properties does not exist");
    }
  }

  @Test
  void unreadablePropertiesFileIsToldAndTheApplicationRuns() throws IOException {
    Path notText = Work.fresh("properties").resolve("weir.properties");
    Files.writeString(notText, "weir.service=\\uXYZ\n");
    Path directory = Work.fresh("directory.properties");
    for (Path p : List.of(notText, directory)) {
      try (Jvm jvm =
          Sites.jvm(cell).weir("config-file=" + p + ";service=shop;rules=file:nowhere").start()) {
        assertThat(hello(jvm)).isEqualTo(200);
        jvm.awaitStderr(p + " cannot be read");
        jvm.awaitStderr("governs service 'shop'");
      }
    }
  }

  @Test
  void misspeltKeyIsToldWithWhatWasMeant() throws IOException {
    Path file = Work.fresh("properties").resolve("weir.properties");
    Files.writeString(file, "weir.servise=shop\n");
    try (Jvm jvm = Sites.jvm(cell).weir(file.toString()).start()) {
      assertThat(hello(jvm)).isEqualTo(200);
      assertThat(jvm.awaitStderr("weir.servise")).contains("did you mean 'weir.service'?");
    }
  }

  @Test
  void wrongEtcdAddressIsToldAndTheApplicationRuns() throws IOException {
    Map<String, String> told =
        Map.of(
            "http://127.0.0.1:1", "no connection to etcd[http://127.0.0.1:1]",
            "nonsense", "WARN no rules will be in force, the configuration is wrong");
    for (Map.Entry<String, String> t : told.entrySet()) {
      String options = "service=shop;drain_ms=0;rules=etcd;etcd.endpoints=" + t.getKey();
      try (Jvm jvm = Sites.jvm(cell).weir(options).start()) {
        assertThat(hello(jvm)).isEqualTo(200);
        assertThat(jvm.awaitStderr(t.getValue())).contains(t.getKey());
        assertThat(hello(jvm)).isEqualTo(200);
      }
    }
  }

  @Test
  void throwableInTheEngineLetsTheCallPassAndIsTold() throws IOException {
    Rules rules = new Rules().put("service/shop/rate-limit", "{\"qps\": 0}");
    Path jar = planted("io/weir/engine/limit/RateLimiters", "admit");
    String options = "service=shop;admin.port=0;rules=" + rules.location();
    try (Jvm jvm = Sites.jvm(cell).weir(jar, options).start()) {
      Await.until(
          Duration.ofSeconds(15),
          () -> {
            assertThat(hello(jvm)).isEqualTo(200);
            return jvm.stderr().stream().anyMatch(l -> l.contains("fail-open #1"));
          },
          jvm::told);
      long counted = failOpen(jvm);
      for (int i = 0; i < 20; i++) {
        assertThat(hello(jvm)).isEqualTo(200);
      }
      assertThat(failOpen(jvm)).as("weir_fail_open_total").isEqualTo(counted + 20);
      assertThat(jvm.stderr().stream().filter(l -> l.contains("fail-open")))
          .as("at most one line a minute, with the cause")
          .singleElement()
          .asString()
          .contains("IllegalStateException: planted");
    }
  }

  /** The counter, as the admin endpoint tells it. */
  private static long failOpen(Jvm jvm) throws IOException {
    String line = jvm.awaitStderr("admin endpoint on http://127.0.0.1:");
    int port = Integer.parseInt(line.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1"));
    URI metrics = URI.create("http://127.0.0.1:" + port + "/metrics");
    try {
      return HttpClient.newHttpClient()
          .send(HttpRequest.newBuilder(metrics).build(), HttpResponse.BodyHandlers.ofLines())
          .body()
          .filter(l -> l.startsWith("weir_fail_open_total "))
          .mapToLong(l -> Long.parseLong(l.split(" ")[1]))
          .sum();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void adapterThatCannotBeLinkedIsToldAndTheCallPasses() throws IOException {
    Path jar = planted("io/weir/instrumentation/servlet/adapter/javax/RequestSource", null);
    try (Jvm jvm = Sites.jvm(cell).weir(jar, "service=shop;rules=file:nowhere").start()) {
      assertThat(hello(jvm)).isEqualTo(200);
      jvm.awaitStderr("ApplicationFilterChain is not governed: its adapter");
    }
  }

  @Test
  void agentGivenTwiceGovernsOnceAndSaysSo() throws IOException {
    Rules rules = new Rules();
    String options = "service=shop;rules=" + rules.location();
    try (Jvm jvm = Sites.jvm(cell).weir(options).weir(options).start()) {
      jvm.awaitStderr("already loaded in this JVM");
      rules.put("service/shop/rate-limit/two", burst(2)).awaitInForce("shop", jvm, "/hello");
      assertThat(List.of(hello(jvm), hello(jvm), hello(jvm))).containsExactly(200, 200, 429);
    }
  }

  @Test
  void nothingIsSaidOnStdoutAndTheJvmComplainsOfNothing() throws IOException {
    Rules rules = new Rules().put("service/shop/rate-limit", "{\"qps\": 0}");
    try (Jvm jvm = Sites.jvm(cell).weir("service=shop;rules=" + rules.location()).start()) {
      rules.awaitInForce("shop", jvm, "/hello");
      assertThat(jvm.stdout()).containsExactly("READY " + jvm.port());
      assertThat(jvm.stderr()).as("no word but ours").allMatch(l -> l.startsWith("[weir] "));
    }
  }

  @Test
  void controlPlaneLoadsNoClassBeforeMain() throws IOException {
    Path log = Work.fresh("classes").resolve("load.log");
    Pattern heavy =
        Pattern.compile(
            " (io\\.etcd|io\\.netty|io\\.grpc|io\\.vertx|com\\.fasterxml|com\\.google)\\.\\S+ ");
    try (Jvm jvm =
        Sites.jvm(cell)
            .weir("service=shop;drain_ms=0;rules=etcd;etcd.endpoints=http://127.0.0.1:1")
            .options("-Xlog:class+load=info:file=" + log)
            .start()) {
      jvm.awaitStderr("127.0.0.1:1");
      List<String> loaded = Files.readAllLines(log);
      int main = first(loaded, Pattern.compile(" TomcatMain "));
      int control = first(loaded, heavy);
      assertThat(main).isNotNegative();
      assertThat(control).as("the pattern finds what it looks for").isNotNegative();
      assertThat(control).as(() -> loaded.get(control)).isGreaterThan(main);
      // and those that a start loads need not be inflated: weir-cli-classes names most of them
      Map<String, Boolean> inside = Work.classesInside();
      List<String> ours =
          loaded.stream()
              .map(l -> l.replaceAll("^(\\[.*\\] )?(\\S+) source: .*", "$2"))
              .filter(inside::containsKey)
              .toList();
      assertThat(ours).hasSizeGreaterThan(500);
      assertThat(ours.stream().filter(inside::get).count()).isGreaterThan(ours.size() * 9L / 10);
    }
  }

  /** Else a thread of ours and an application that loads a native library may wait for ever. */
  @Test
  void classesThatLoadNativeLibrariesAreInitialisedBeforeMain() throws IOException {
    Path log = Work.fresh("classes").resolve("init.log");
    try (Jvm jvm =
        Sites.jvm(cell)
            .weir("service=shop;drain_ms=0;rules=etcd;etcd.endpoints=http://127.0.0.1:1")
            .options("-Xlog:class+init=info:file=" + log)
            .start()) {
      jvm.awaitStderr("127.0.0.1:1");
      List<String> begun = Files.readAllLines(log);
      int main = first(begun, Pattern.compile(" Initializing 'TomcatMain'"));
      assertThat(main).isNotNegative();
      for (String name :
          List.of("java/net/InetAddress", "java/net/NetworkInterface", "sun/nio/ch/IOUtil")) {
        assertThat(first(begun, Pattern.compile(" Initializing '" + name + "'")))
            .as(name)
            .isBetween(0, main);
      }
    }
  }

  /** It is made once for a JVM, of what the application has said by then of its trust store. */
  @ParameterizedTest
  @ValueSource(strings = {"http", "https"})
  void theJvmsDefaultTlsContextIsLeftForTheApplicationToMake(String scheme) throws Exception {
    String made = "sun.security.ssl.SSLContextImpl$DefaultSSLContext";
    assertThat(Class.forName(made, false, null)).as("what to look for").isNotNull();
    Path log = Work.fresh("classes-" + scheme).resolve("load.log");
    try (Jvm jvm =
        Sites.jvm(cell)
            .weir("service=shop;drain_ms=0;rules=etcd;etcd.endpoints=" + scheme + "://127.0.0.1:1")
            .options("-Xlog:class+load=info:file=" + log)
            .start()) {
      jvm.awaitStderr("127.0.0.1:1");
      assertThat(Files.readAllLines(log))
          .anyMatch(l -> l.contains(" io.grpc.okhttp.OkHttpClientTransport "))
          .noneMatch(l -> l.contains(" " + made + " "));
    }
  }

  @Test
  void redeployedWebApplicationLeavesNoClassLoaderBehind() throws IOException {
    String jars = cell.classpath();
    String okhttp = Maven.resolve("com.squareup.okhttp3:okhttp:3.14.9");
    Path webapp = Work.fresh("webapps").resolve("shop");
    Path lib = Files.createDirectories(webapp.resolve("WEB-INF/lib"));
    for (String jar : okhttp.split(File.pathSeparator)) {
      Files.copy(Path.of(jar), lib.resolve(Path.of(jar).getFileName()));
    }
    Path classes = Files.createDirectories(webapp.resolve("WEB-INF/classes/shop"));
    String front = Apps.compile("redeploy-webapp", jars + File.pathSeparator + okhttp, Map.of());
    Files.copy(Path.of(front, "shop/Front.class"), classes.resolve("Front.class"));

    Rules rules =
        new Rules()
            .put("service/shop/rate-limit", burst(19))
            .put("service/127.0.0.1/rate-limit", "{\"qps\": 0, \"side\": \"client\"}");
    try (Jvm jvm =
        Jvm.of(
                cell.jdk(),
                Apps.with(Apps.compile("redeploy", jars, Map.of()), jars),
                "RedeployMain")
            .arguments(webapp.toString(), "20")
            .weir("service=shop;log=debug;rules=" + rules.location())
            .start()) {
      rules.awaitInForce("shop", jvm, "/up/");
      jvm.say("go");
      assertThat(jvm.awaitStdout("ANSWERS").split(" "))
          .as("woven in the container's loader and in each web application's own: %s", jvm.told())
          .containsOnly("ANSWERS", "200:okhttp-got-429", "429");
      assertThat(jvm.awaitStdout("ALIVE")).as(jvm.told()).isEqualTo("ALIVE 0 of 20");
      assertThat(jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
    }
  }

  private static String burst(int calls) {
    return "{\"qps\": 0.0001, \"burst\": "
        + calls
        + ", \"match\": \"!exists header:X-Weir-Probe\"}";
  }

  private static int hello(Jvm jvm) throws IOException {
    try (Raw http = new Raw(jvm.port())) {
      return http.get("/hello").status();
    }
  }

  private static int first(List<String> lines, Pattern pattern) {
    for (int i = 0; i < lines.size(); i++) {
      if (pattern.matcher(lines.get(i)).find()) {
        return i;
      }
    }
    return -1;
  }

  /**
   * The agent with one method of one class throwing, or, without a method, with the class gone. The
   * agent finds its classes by their places in the jar, so each is changed where it lies.
   */
  private static Path planted(String internalName, String method) throws IOException {
    byte[] jar = Files.readAllBytes(Work.weirJar());
    int header = 30;
    int name =
        new String(jar, ISO_8859_1).indexOf("\0\0" + internalName + ".class") + 2; // no extra field
    ByteBuffer local = ByteBuffer.wrap(jar).order(ByteOrder.LITTLE_ENDIAN);
    local.position(name - header);
    local = local.slice().order(ByteOrder.LITTLE_ENDIAN);
    assertThat(local.getInt(0)).as(internalName + " in a local header").isEqualTo(0x04034b50);
    if (method == null) {
      jar[name] ^= 1;
    } else {
      assertThat(local.getShort(8)).as("uncompressed").isZero();
      int place = name + local.getShort(26);
      int size = local.getInt(18);
      byte[] changed = throwing(Arrays.copyOfRange(jar, place, place + size), method);
      assertThat(changed).hasSizeLessThanOrEqualTo(size);
      System.arraycopy(changed, 0, jar, place, changed.length);
      local.putInt(18, changed.length).putInt(22, changed.length);
    }
    return Files.write(Work.fresh("planted").resolve("weir.jar"), jar);
  }

  private static byte[] throwing(byte[] classFile, String method) {
    ClassWriter out = new ClassWriter(ClassWriter.COMPUTE_MAXS);
    new ClassReader(classFile)
        .accept(
            new ClassVisitor(Opcodes.ASM9, out) {
              @Override
              public MethodVisitor visitMethod(
                  int access, String name, String descriptor, String signature, String[] thrown) {
                MethodVisitor to = super.visitMethod(access, name, descriptor, signature, thrown);
                if (!name.equals(method)) {
                  return to;
                }
                String type = "java/lang/IllegalStateException";
                to.visitCode();
                to.visitTypeInsn(Opcodes.NEW, type);
                to.visitInsn(Opcodes.DUP);
                to.visitLdcInsn("planted");
                to.visitMethodInsn(
                    Opcodes.INVOKESPECIAL, type, "<init>", "(Ljava/lang/String;)V", false);
                to.visitInsn(Opcodes.ATHROW);
                to.visitMaxs(0, 0);
                to.visitEnd();
                return null;
              }
            },
            ClassReader.SKIP_DEBUG); // so that it is no longer than it was
    return out.toByteArray();
  }
}
