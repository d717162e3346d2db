package io.weir.agent;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar inside the jar, and the loader over it. */
class PackTest {
  @TempDir Path dir;

  /** In the pack under its own name, so that the loader defines a class of its own from it. */
  public static final class Answer implements Callable<String> {
    @Override
    public String call() {
      return "from " + getClass().getClassLoader().getClass().getSimpleName();
    }
  }

  @Test
  void aClassIsPackedWithoutTheNamesOfItsLocalsButWithItsLines() throws Exception {
    byte[] file;
    try (InputStream in = Answer.class.getResourceAsStream("PackTest$Answer.class")) {
      file = in.readAllBytes();
    }
    byte[] lean = PackWriter.lean(file);
    assertThat(new String(file, ISO_8859_1)).contains("LocalVariableTable", "LineNumberTable");
    assertThat(new String(lean, ISO_8859_1))
        .contains("LineNumberTable")
        .doesNotContain("LocalVariableTable");
    Class<?> answer =
        new ClassLoader(null) {
          Class<?> define() {
            return defineClass(Answer.class.getName(), lean, 0, lean.length);
          }
        }.define();
    Callable<?> asked = (Callable<?>) answer.getConstructor().newInstance();
    assertThat(asked.call()).isEqualTo("from ");
  }

  @Test
  void whatWasPackedIsReadBackCompressedOrNot() throws IOException {
    Map<String, byte[]> entries = many();
    Pack pack = Pack.open(jar(entries));
    for (Map.Entry<String, byte[]> e : entries.entrySet()) {
      assertThat(pack.resource(e.getKey())).as(e.getKey()).isEqualTo(e.getValue());
      String name = className(e.getKey());
      assertThat(pack.classFile(name))
          .as(name)
          .isEqualTo(e.getKey().endsWith(".class") ? e.getValue() : null);
    }
    for (String absent : List.of("", "a", "a/", "a/C1", "a.C1.class", "a/C1.classdata", "b/C1")) {
      assertThat(pack.resource(absent)).as(absent).isNull();
      assertThat(pack.classFile(absent)).as(absent).isNull();
    }
  }

  @Test
  void anyOtherToolReadsItToo() throws IOException {
    Map<String, byte[]> entries = many();
    Map<String, byte[]> read = new LinkedHashMap<>();
    byte[] whole = PackWriter.pack(entries, PackTest::isPlain);
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(whole))) {
      for (ZipEntry e; (e = in.getNextEntry()) != null; ) {
        read.put(e.getName(), in.readAllBytes()); // compares checksums
      }
    }
    assertThat(read.remove(Pack.INDEX)).hasSize(8 * entries.size());
    assertThat(read).containsExactlyEntriesOf(entries);
    assertThat(PackWriter.pack(entries, PackTest::isPlain)).isEqualTo(whole);
  }

  @Test
  void namesOfOneHashAreToldApart() throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("x/AaAa.class", bytes("first"));
    entries.put("x/BBAa.class", bytes("second"));
    entries.put("x.AaBB", bytes("third"));
    Pack pack = Pack.open(jar(entries));
    assertThat("x.AaAa").hasSameHashCodeAs("x.BBAa").hasSameHashCodeAs("x.BBBB");
    assertThat(pack.classFile("x.AaAa")).isEqualTo(bytes("first"));
    assertThat(pack.classFile("x.BBAa")).isEqualTo(bytes("second"));
    assertThat(pack.resource("x.AaBB")).isEqualTo(bytes("third"));
    assertThat(pack.classFile("x.AaBB")).isNull();
    assertThat(pack.classFile("x.BBBB")).isNull();
    assertThat(pack.resource("x.AaAa")).isNull();
  }

  @Test
  void theLoaderHasClassesResourcesAndServices() throws Exception {
    IsolatedLoader loader = loader(jar(answer()));
    Class<?> type = loader.loadClass(Answer.class.getName());
    assertThat(type.getClassLoader()).isSameAs(loader);
    assertThat(type.getPackage().getName()).isEqualTo("io.weir.agent");
    assertThat(call(type)).isEqualTo("from IsolatedLoader");
    List<String> said = new ArrayList<>();
    for (Callable<?> service : ServiceLoader.load(Callable.class, loader)) {
      said.add(service.getClass() == type ? (String) service.call() : "another");
    }
    assertThat(said).containsExactly("from IsolatedLoader");
    URL text = loader.getResource("text");
    assertThat(Collections.list(loader.getResources("text"))).hasSize(1);
    for (InputStream in : List.of(text.openStream(), loader.getResourceAsStream("text"))) {
      assertThat(in.readAllBytes()).isEqualTo(bytes("hello"));
    }
    assertThat(loader.getResourceAsStream("none")).isNull();
    assertThatThrownBy(() -> loader.loadClass("org.junit.jupiter.api.Test"))
        .isInstanceOf(ClassNotFoundException.class);
  }

  /** Threads of the application load our classes, and some of them have been interrupted. */
  @Test
  void anInterruptedThreadLoadsClassesAndSoDoOthersAfterIt() throws Exception {
    IsolatedLoader loader = loader(jar(answer()));
    FutureTask<String> task =
        new FutureTask<>(
            () -> {
              Thread.currentThread().interrupt();
              String said = call(loader.loadClass(Answer.class.getName()));
              return said + Thread.currentThread().isInterrupted();
            });
    Thread interrupted = new Thread(task);
    interrupted.start();
    assertThat(task.get()).isEqualTo("from IsolatedLoadertrue");
    assertThat(loader.getResourceAsStream("text").readAllBytes()).isEqualTo(bytes("hello"));
  }

  @Test
  void manyThreadsReadAtOnce() throws Exception {
    Map<String, byte[]> entries = many();
    Pack pack = Pack.open(jar(entries));
    int threads = 4;
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      CountDownLatch all = new CountDownLatch(threads);
      List<Future<Integer>> wrong = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        List<String> names = new ArrayList<>(entries.keySet());
        Collections.shuffle(names, new Random(t));
        wrong.add(
            pool.submit(
                () -> {
                  all.countDown();
                  all.await();
                  int n = 0;
                  for (int round = 0; round < 20; round++) {
                    for (String name : names) {
                      n += Arrays.equals(pack.resource(name), entries.get(name)) ? 0 : 1;
                    }
                  }
                  return n;
                }));
      }
      for (Future<Integer> w : wrong) {
        assertThat(w.get()).isZero();
      }
    } finally {
      pool.shutdownNow();
    }
  }

  /** A deployment that puts a new weir.jar in the old one's place while JVMs run. */
  @Test
  void aFileThatWasReplacedIsReadOn() throws Exception {
    Path jar = jar(answer()).toPath();
    IsolatedLoader loader = loader(jar.toFile());
    Path other = Files.write(dir.resolve("new"), bytes("another version"));
    Files.move(other, jar, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    assertThat(call(loader.loadClass(Answer.class.getName()))).isEqualTo("from IsolatedLoader");
  }

  @Test
  void whatIsLostWhenTheFileIsOverwrittenIsMissingAndNothingElse() throws Exception {
    Path jar = jar(answer()).toPath();
    byte[] old = Files.readAllBytes(jar);
    Map<String, byte[]> later = answer();
    later.put("early", new byte[100]);
    byte[] other = Files.readAllBytes(jar(later).toPath());
    for (byte[] now : List.of(other, new byte[old.length], new byte[0], Arrays.copyOf(old, 200))) {
      Files.write(jar, old);
      IsolatedLoader loader = loader(jar.toFile());
      Files.write(jar, now);
      assertThatThrownBy(() -> loader.loadClass(Answer.class.getName()))
          .isInstanceOf(ClassNotFoundException.class);
      assertThat(loader.getResource(Answer.class.getName())).isNull();
      Files.write(jar, old);
      assertThat(call(loader.loadClass(Answer.class.getName()))).isEqualTo("from IsolatedLoader");
    }
  }

  @Test
  void aJarThatIsCutShortOrPackedAnewIsRefusedInWords() throws IOException {
    Path jar = jar(answer()).toPath();
    byte[] whole = Files.readAllBytes(jar);
    for (int length = 0; length < whole.length; length += 7) {
      Files.write(jar, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> Pack.open(jar.toFile()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("weir.jar is damaged or was packed anew");
    }
    Files.write(jar, outer(PackWriter.pack(answer(), PackTest::isPlain), ZipEntry.DEFLATED));
    assertThatThrownBy(() -> Pack.open(jar.toFile()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("inst.jar in it is compressed");
  }

  /** Whatever is broken in the few hundred bytes that are read first: an answer or a refusal. */
  @Test
  void noDamageKeepsItBusyForEver() throws IOException {
    Path jar = jar(answer()).toPath();
    byte[] whole = Files.readAllBytes(jar);
    Random random = new Random(8);
    for (int i = 0; i < 300; i++) {
      byte[] damaged = whole.clone();
      int place = whole.length - 1 - random.nextInt(300);
      damaged[place] = (byte) random.nextInt(256);
      Files.write(jar, damaged);
      try {
        assertThat(Pack.open(jar.toFile()).resource("none")).isNull();
      } catch (IOException refused) {
        assertThat(refused).hasMessageContaining("damaged");
      }
    }
  }

  private static String call(Class<?> answer) throws Exception {
    return (String) ((Callable<?>) answer.getDeclaredConstructor().newInstance()).call();
  }

  private static IsolatedLoader loader(java.io.File jar) throws IOException {
    return IsolatedLoader.over(Pack.open(jar));
  }

  private static Map<String, byte[]> answer() throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    String path = Answer.class.getName().replace('.', '/') + ".class";
    try (InputStream in = Answer.class.getClassLoader().getResourceAsStream(path)) {
      entries.put(path, in.readAllBytes());
    }
    entries.put("text", bytes("hello"));
    entries.put("META-INF/services/" + Callable.class.getName(), bytes(Answer.class.getName()));
    return entries;
  }

  private static Map<String, byte[]> many() {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    Random random = new Random(1);
    for (int i = 0; i < 300; i++) {
      byte[] b = new byte[random.nextInt(20_000)];
      Arrays.fill(b, (byte) i);
      String name = i % 10 == 0 ? "r/resource-" + i + ".txt" : "a/C" + i + "$In_ner.class";
      entries.put(name, i == 7 ? new byte[0] : b);
    }
    entries.put("a/" + "long".repeat(200) + ".class", new byte[] {1});
    entries.put("empty", new byte[0]);
    return entries;
  }

  private static boolean isPlain(String name) {
    return name.hashCode() % 3 != 0;
  }

  private static String className(String path) {
    return path.replaceAll("\\.class$", "").replace('/', '.');
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  private java.io.File jar(Map<String, byte[]> entries) throws IOException {
    Path jar = Files.createTempDirectory(dir, "jar").resolve("weir.jar");
    Files.write(jar, outer(PackWriter.pack(entries, PackTest::isPlain), ZipEntry.STORED));
    return jar.toFile();
  }

  /** weir.jar, as the build makes it or as some tool would make it from that. */
  private static byte[] outer(byte[] pack, int method) throws IOException {
    java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
    try (ZipOutputStream out = new ZipOutputStream(bytes)) {
      out.putNextEntry(new ZipEntry("META-INF/MANIFEST.MF"));
      write(out, bytes("Manifest-Version: 1.0\n"));
      ZipEntry inst = new ZipEntry(Pack.ENTRY);
      CRC32 crc = new CRC32();
      crc.update(pack);
      inst.setMethod(method);
      inst.setSize(pack.length);
      inst.setCrc(crc.getValue());
      out.putNextEntry(inst);
      write(out, pack);
      out.putNextEntry(new ZipEntry("io/weir/agent/Premain.class"));
    }
    return bytes.toByteArray();
  }

  private static void write(OutputStream out, byte[] bytes) throws IOException {
    out.write(bytes);
  }
}
