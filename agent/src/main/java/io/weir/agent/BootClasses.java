package io.weir.agent;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Puts {@code io.weir.bootstrap} into the boot loader.
 *
 * <p>In place when the JVM lets us (JDK 8: {@code sun.misc.Unsafe}; 9 and later: {@code
 * jdk.internal.misc.Unsafe} after exporting its package to ourselves): that keeps the application's
 * class data sharing and prints no warning. Otherwise by a small temporary jar appended to the boot
 * search path.
 */
final class BootClasses {
  private BootClasses() {}

  static boolean present() {
    try {
      Class.forName("io.weir.bootstrap.Bridge", false, null);
      return true;
    } catch (ClassNotFoundException absent) {
      return false;
    }
  }

  static void install(Pack pack, Instrumentation instrumentation) throws IOException {
    Map<String, byte[]> classes = read(pack);
    try {
      defineInPlace(classes, instrumentation);
    } catch (Throwable notHere) {
      append(classes, instrumentation);
    }
  }

  private static Map<String, byte[]> read(Pack pack) throws IOException {
    Map<String, byte[]> classes = new LinkedHashMap<String, byte[]>();
    // an index written at build time: the pack cannot list what is in it
    String index = new String(there(pack.resource(Pack.BOOT_INDEX), Pack.BOOT_INDEX), "UTF-8");
    for (String name : index.split("\n")) {
      classes.put(name, there(pack.classFile(name), name));
    }
    return classes;
  }

  private static byte[] there(byte @Nullable [] b, String name) throws IOException {
    if (b == null) {
      throw new IOException(name + " is missing: the agent's jar is damaged");
    }
    return b;
  }

  private static void defineInPlace(Map<String, byte[]> classes, Instrumentation instrumentation)
      throws Exception {
    Object unsafe;
    Method define;
    String version = System.getProperty("java.specification.version", "");
    Class<?> type;
    if (version.startsWith("1.")) {
      type = Class.forName("sun.misc.Unsafe");
      java.lang.reflect.Field f = type.getDeclaredField("theUnsafe");
      f.setAccessible(true);
      unsafe = f.get(null);
    } else {
      type = Class.forName("jdk.internal.misc.Unsafe");
      exportToUs(type, instrumentation);
      unsafe = type.getMethod("getUnsafe").invoke(null);
    }
    define =
        type.getMethod(
            "defineClass",
            String.class,
            byte[].class,
            int.class,
            int.class,
            ClassLoader.class,
            java.security.ProtectionDomain.class);
    // super types first: a class may link to another of the set while it is being defined
    Map<String, byte[]> left = new LinkedHashMap<String, byte[]>(classes);
    int rounds = left.size() + 1;
    while (!left.isEmpty() && rounds-- > 0) {
      for (String name : left.keySet().toArray(new String[0])) {
        byte[] b = Objects.requireNonNull(left.get(name));
        try {
          define.invoke(unsafe, name, b, 0, b.length, null, null);
          left.remove(name);
        } catch (java.lang.reflect.InvocationTargetException e) {
          if (!(e.getCause() instanceof NoClassDefFoundError)) {
            throw e;
          }
        }
      }
    }
    if (!left.isEmpty()) {
      throw new IllegalStateException("not defined: " + left.keySet());
    }
  }

  /**
   * Exports the package of a class of the JDK to our module: {@code
   * Instrumentation.redefineModule}, by reflection because this class is Java 8 bytecode.
   */
  static void exportToUs(Class<?> type, Instrumentation instrumentation) throws Exception {
    Class<?> module = Class.forName("java.lang.Module");
    Method getModule = Class.class.getMethod("getModule");
    Map<String, Set<Object>> exports = new HashMap<String, Set<Object>>();
    String name = type.getName();
    String inside = name.substring(0, name.lastIndexOf('.'));
    exports.put(inside, Collections.singleton(getModule.invoke(BootClasses.class)));
    Instrumentation.class
        .getMethod("redefineModule", module, Set.class, Map.class, Map.class, Set.class, Map.class)
        .invoke(
            instrumentation,
            getModule.invoke(type),
            Collections.emptySet(),
            exports,
            Collections.emptyMap(),
            Collections.emptySet(),
            Collections.emptyMap());
  }

  private static void append(Map<String, byte[]> classes, Instrumentation instrumentation)
      throws IOException {
    File file = File.createTempFile("weir-bootstrap-", ".jar");
    file.deleteOnExit();
    JarOutputStream out = new JarOutputStream(new FileOutputStream(file));
    try {
      for (Map.Entry<String, byte[]> e : classes.entrySet()) {
        if (alreadyThere(e.getKey())) {
          continue;
        }
        out.putNextEntry(new JarEntry(e.getKey().replace('.', '/') + ".class"));
        out.write(e.getValue());
        out.closeEntry();
      }
    } finally {
      out.close();
    }
    instrumentation.appendToBootstrapClassLoaderSearch(new JarFile(file, false));
  }

  private static boolean alreadyThere(String name) {
    try {
      Class.forName(name, false, null);
      return true;
    } catch (ClassNotFoundException absent) {
      return false;
    }
  }
}
