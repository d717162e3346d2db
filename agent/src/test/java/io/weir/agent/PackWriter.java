package io.weir.agent;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.Label;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;

/**
 * Writes {@code inst.jar} as {@link Pack} reads it. The build runs it over everything merged into
 * one jar (agent/pom.xml, step 3). The same input gives the same bytes: no time stands in them.
 */
final class PackWriter {
  /** The launcher, and what stands at the root of weir.jar for everybody to see. */
  private static final Pattern OUTSIDE =
      Pattern.compile(
          "io/weir/agent/[^/]+\\.class|META-INF/(MANIFEST\\.MF|NOTICE|.*LICENSE.*|licenses/.*)");

  /** Of every start, but on no list: ours, and what the weaver and the log stand on. */
  private static final Pattern ALWAYS =
      Pattern.compile("(io/weir/|net/bytebuddy/jar/asm/|org/slf4j/).*\\.class");

  private static final Pattern CLASS = Pattern.compile("(?!META-INF/|module-info).*\\.class");

  /**
   * Classes of libraries, each with its method that gives {@code sun.misc.Unsafe} or what uses it.
   * In weir.jar it gives null, and the library goes its way without: from JDK 24 on the first use
   * of that class's memory access prints four lines of warning into the application's stderr, and
   * only a flag of the application's could stop them.
   */
  private static final Map<String, String> WITHOUT_UNSAFE =
      Map.of(
          "com/google/protobuf/UnsafeUtil",
          "getUnsafe()Lsun/misc/Unsafe;",
          "io/opentelemetry/exporter/internal/marshal/UnsafeStringEncoder",
          "createIfAvailable()Lio/opentelemetry/exporter/internal/marshal/UnsafeStringEncoder;");

  /** 1 January 1980, the first day of a zip file. */
  private static final int NO_DAY = 1 << 5 | 1;

  private final List<ByteBuffer> out = new ArrayList<>();
  private int size;

  private PackWriter() {}

  /** Arguments: the merged jar, the list of classes that a start loads, our version, the result. */
  public static void main(String[] args) throws IOException {
    Map<String, byte[]> all = new TreeMap<>();
    StringBuilder boot = new StringBuilder();
    try (ZipFile merged = new ZipFile(args[0])) {
      for (Enumeration<? extends ZipEntry> e = merged.entries(); e.hasMoreElements(); ) {
        ZipEntry entry = e.nextElement();
        if (!entry.isDirectory() && !OUTSIDE.matcher(entry.getName()).matches()) {
          try (InputStream in = merged.getInputStream(entry)) {
            byte[] bytes = in.readAllBytes();
            all.put(
                entry.getName(), CLASS.matcher(entry.getName()).matches() ? lean(bytes) : bytes);
          }
        }
      }
    }
    for (String name : all.keySet()) {
      if (name.startsWith("io/weir/bootstrap/") && name.endsWith(".class")) {
        boot.append(className(name)).append('\n');
      }
    }
    all.put(Pack.BOOT_INDEX, boot.toString().getBytes(StandardCharsets.US_ASCII));
    all.put("weir-version", args[2].getBytes(StandardCharsets.US_ASCII));
    Set<String> listed = new LinkedHashSet<>();
    for (String name : Files.readAllLines(Path.of(args[1]))) {
      listed.add(name.replace('.', '/') + ".class");
    }
    Map<String, byte[]> ordered = new LinkedHashMap<>();
    Predicate<String> plain = n -> listed.contains(n) || ALWAYS.matcher(n).matches();
    for (String name : listed) {
      if (all.containsKey(name)) {
        ordered.put(name, all.get(name));
      }
    }
    for (boolean first : new boolean[] {true, false}) {
      all.forEach(
          (name, bytes) -> {
            if (plain.test(name) == first) {
              ordered.putIfAbsent(name, bytes);
            }
          });
    }
    Files.write(Path.of(args[3]), pack(ordered, plain));
  }

  /**
   * A class without the names of its local variables, and whatever else only those needed: the JVM
   * keeps them for debuggers, with each method, and each class file in the heap for a moment. Line
   * numbers stay.
   */
  static byte[] lean(byte[] file) {
    ClassWriter lean = new ClassWriter(0);
    ClassReader reader = new ClassReader(file);
    String without = WITHOUT_UNSAFE.get(reader.getClassName());
    boolean[] found = new boolean[1];
    reader.accept(
        new ClassVisitor(Opcodes.ASM9, lean) {
          @Override
          public MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] thrown) {
            if ((name + descriptor).equals(without)) {
              found[0] = true;
              MethodVisitor none = super.visitMethod(access, name, descriptor, signature, thrown);
              none.visitCode();
              none.visitInsn(Opcodes.ACONST_NULL);
              none.visitInsn(Opcodes.ARETURN);
              none.visitMaxs(1, 0);
              none.visitEnd();
              return null;
            }
            return new MethodVisitor(
                Opcodes.ASM9, super.visitMethod(access, name, descriptor, signature, thrown)) {
              @Override
              public void visitLocalVariable(
                  String name, String type, String signature, Label from, Label to, int at) {}
            };
          }
        },
        0);
    if (without != null && !found[0]) {
      throw new IllegalStateException(reader.getClassName() + " has no " + without + " any more");
    }
    return lean.toByteArray();
  }

  /** A pack of these entries in this order, those that are {@code plain} not compressed. */
  static byte[] pack(Map<String, byte[]> entries, Predicate<String> plain) {
    return new PackWriter().write(entries, plain);
  }

  private byte[] write(Map<String, byte[]> entries, Predicate<String> plain) {
    List<byte[]> central = new ArrayList<>();
    List<int[]> pairs = new ArrayList<>();
    int indexSize = 8 * entries.size();
    size = Pack.LOCAL_SIZE + Pack.INDEX.length() + indexSize;
    entries.forEach(
        (name, bytes) -> {
          pairs.add(new int[] {key(name).hashCode(), size});
          central.add(entry(name, bytes, plain.test(name) ? bytes : deflated(bytes)));
        });
    pairs.sort((a, b) -> Integer.compare(a[0], b[0]));
    ByteBuffer index = ByteBuffer.allocate(indexSize);
    pairs.forEach(pair -> index.putInt(pair[0]).putInt(pair[1]));
    int end = size;
    size = 0;
    central.add(0, entry(Pack.INDEX, index.array(), index.array()));
    Collections.rotate(out, 2); // to where room was left for it
    size = end;
    central.forEach(this::put);
    int count = central.size();
    put(
        little(Pack.END_SIZE)
            .putInt(Pack.END)
            .putInt(0)
            .putShort((short) count)
            .putShort((short) count)
            .putInt(size - end)
            .putInt(end)
            .array());
    ByteBuffer whole = ByteBuffer.allocate(size);
    out.forEach(whole::put);
    return whole.array();
  }

  /** Puts header and data, and gives what the central directory says of them. */
  private byte[] entry(String name, byte[] bytes, byte[] data) {
    byte[] ascii = name.getBytes(StandardCharsets.US_ASCII);
    if (!name.equals(new String(ascii, StandardCharsets.US_ASCII))) {
      throw new IllegalArgumentException("not ASCII: " + name);
    }
    CRC32 crc = new CRC32();
    crc.update(bytes);
    byte[] common =
        little(26)
            .putShort((short) 20)
            .putShort((short) 0)
            .putShort((short) (data == bytes ? 0 : Pack.DEFLATED))
            .putShort((short) 0)
            .putShort((short) NO_DAY)
            .putInt((int) crc.getValue())
            .putInt(data.length)
            .putInt(bytes.length)
            .putShort((short) ascii.length)
            .array();
    int offset = size;
    put(little(Pack.LOCAL_SIZE + ascii.length).putInt(Pack.LOCAL).put(common).put(ascii).array());
    put(data);
    ByteBuffer central = little(Pack.CENTRAL_SIZE + ascii.length);
    central.putInt(Pack.CENTRAL).putShort((short) 20).put(common).putInt(42, offset);
    central.position(Pack.CENTRAL_SIZE);
    return central.put(ascii).array();
  }

  private void put(byte[] bytes) {
    out.add(ByteBuffer.wrap(bytes));
    size += bytes.length;
  }

  private static String key(String name) {
    return name.endsWith(".class") ? className(name) : name;
  }

  private static String className(String file) {
    return file.substring(0, file.length() - ".class".length()).replace('/', '.');
  }

  private static byte[] deflated(byte[] bytes) {
    Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
    deflater.setInput(bytes);
    deflater.finish();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    while (!deflater.finished()) {
      data.write(buffer, 0, deflater.deflate(buffer));
    }
    deflater.end();
    return data.toByteArray();
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
