package io.weir.agent.weave;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.commons.ClassRemapper;
import net.bytebuddy.jar.asm.commons.Remapper;
import org.jspecify.annotations.Nullable;

/**
 * The modules of one extension, and the class files of its advice and adapters.
 *
 * <p>It sees the API of the agent and the JDK: neither the application nor what else is in the
 * agent. References to Byte Buddy's matchers become ours as a class is read, as they do in weir.jar
 * when that is made.
 *
 * <p>The jar is read once and closed: what becomes of the file afterwards is of no matter to a JVM
 * that runs. Immutable; any thread.
 */
final class ExtensionLoader extends ClassLoader {
  static {
    registerAsParallelCapable();
  }

  /** Uncompressed. It stays in the heap. */
  static final int MOST_BYTES = 8 << 20;

  // not written as one name: the build rewrites those
  private static final String MATCHERS = "net/bytebuddy/matcher/";
  private static final String OURS = "io/weir/agent/weave/match/";

  private static final String[] API = {
    "io.weir.bootstrap.",
    "io.weir.engine.",
    "io.weir.instrumentation.",
    "io.weir.agent.weave.match.",
    "io.opentelemetry.javaagent.extension.",
  };

  static final Remapper REWRITTEN =
      new Remapper(Opcodes.ASM9) {
        @Override
        public String map(String name) {
          return name.startsWith(MATCHERS) ? OURS + name.substring(MATCHERS.length()) : name;
        }
      };

  private final ClassLoader isolated;

  /** By path. */
  private final Map<String, byte[]> entries;

  private ExtensionLoader(ClassLoader isolated, Map<String, byte[]> entries) {
    super(isolated.getParent());
    this.isolated = isolated;
    this.entries = entries;
  }

  /**
   * Reads a jar.
   *
   * @throws IOException it is none, or too large; the message says which
   */
  static ExtensionLoader open(File jar, ClassLoader isolated) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<String, byte[]>();
    long size = 0;
    try (ZipFile zip = new ZipFile(jar)) {
      for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
        ZipEntry entry = all.nextElement();
        if (!entry.isDirectory()) {
          byte[] bytes = read(zip, entry, MOST_BYTES - size);
          size += bytes.length;
          entries.put(entry.getName(), bytes);
        }
      }
    }
    return new ExtensionLoader(isolated, entries);
  }

  private static byte[] read(ZipFile zip, ZipEntry entry, long room) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] buffer = new byte[8192];
      for (int n; (n = in.read(buffer)) > 0; ) {
        if (out.size() + n > room) {
          throw new IOException(
              "it has more than "
                  + (MOST_BYTES >> 20)
                  + " MiB in it: leave the library and other dependencies out");
        }
        out.write(buffer, 0, n);
      }
      return out.toByteArray();
    }
  }

  /** Paths of what is in the jar. */
  Set<String> paths() {
    return Collections.unmodifiableSet(entries.keySet());
  }

  /** As it is in the jar; null: not there. */
  byte @Nullable [] entry(String path) {
    return entries.get(path);
  }

  /** Whether the jar has a class, by its name with dots. */
  boolean has(String className) {
    return entries.containsKey(path(className));
  }

  /** A class file to be defined; null: the jar does not have it. */
  byte @Nullable [] classFile(String className) {
    byte[] b = entries.get(path(className));
    if (b == null || !new String(b, StandardCharsets.ISO_8859_1).contains(MATCHERS)) {
      return b;
    }
    ClassWriter out = new ClassWriter(0);
    new ClassReader(b).accept(new ClassRemapper(out, REWRITTEN), 0);
    return out.toByteArray();
  }

  static String path(String className) {
    return className.replace('.', '/') + ".class";
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    for (String api : API) {
      if (name.startsWith(api)) {
        return isolated.loadClass(name);
      }
    }
    if (!has(name)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> c = findLoadedClass(name);
      return c != null ? c : define(name);
    }
  }

  @SuppressWarnings("NullAway") // asked of classes it has
  private Class<?> define(String name) {
    byte[] b = classFile(name);
    return defineClass(name, b, 0, b.length);
  }

  @Override
  public @Nullable InputStream getResourceAsStream(String path) {
    byte[] b = entries.get(path);
    return b == null ? super.getResourceAsStream(path) : new ByteArrayInputStream(b);
  }
}
