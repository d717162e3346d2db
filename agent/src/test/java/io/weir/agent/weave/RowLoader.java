package io.weir.agent.weave;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.commons.ClassRemapper;
import net.bytebuddy.jar.asm.commons.SimpleRemapper;

/** The classes of some jars, one of them woven, over the platform and a bridge that records. */
final class RowLoader extends ClassLoader {
  private static final String BRIDGE = "io.weir.bootstrap.Bridge";

  /** The jars of a row of the matrix, open as long as the row is looked at. */
  static final class Jars implements AutoCloseable {
    private final List<JarFile> jars = new ArrayList<>();

    Jars(List<File> files) throws IOException {
      for (File f : files) {
        if (f.getName().endsWith(".jar")) {
          jars.add(new JarFile(f, false));
        }
      }
    }

    /** Null: none of them has it. */
    byte[] classFile(String name) throws IOException {
      for (JarFile jar : jars) {
        JarEntry e = jar.getJarEntry(name.replace('.', '/') + ".class");
        if (e != null) {
          try (InputStream in = jar.getInputStream(e)) {
            return in.readAllBytes();
          }
        }
      }
      return null;
    }

    /** Null: none of them has it. */
    URL resource(String name) throws IOException {
      for (JarFile jar : jars) {
        if (jar.getJarEntry(name) != null) {
          return new URL("jar:" + new File(jar.getName()).toURI() + "!/" + name);
        }
      }
      return null;
    }

    @Override
    public void close() throws IOException {
      for (JarFile jar : jars) {
        jar.close();
      }
    }
  }

  private final Jars jars;
  private final String woven;
  private final byte[] wovenFile;

  RowLoader(Jars jars, String woven, byte[] wovenFile) {
    super(ClassLoader.getPlatformClassLoader());
    this.jars = jars;
    this.woven = woven;
    this.wovenFile = wovenFile;
  }

  /** What is woven may be a class of the JDK, which the platform has, too. */
  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    return name.equals(woven) ? findClass(name) : super.loadClass(name, resolve);
  }

  @Override
  protected Class<?> findClass(String name) throws ClassNotFoundException {
    try {
      if (name.equals(BRIDGE)) {
        return define(name, recordingBridge());
      }
      if (name.startsWith("io.weir.")) {
        return Class.forName(name, false, RowLoader.class.getClassLoader());
      }
      byte[] b = name.equals(woven) ? wovenFile : jars.classFile(name);
      if (b != null) {
        return define(name, b);
      }
    } catch (IOException damaged) {
      throw new ClassNotFoundException(name, damaged);
    }
    throw new ClassNotFoundException(name);
  }

  @Override
  protected URL findResource(String name) {
    try {
      return jars.resource(name);
    } catch (IOException damaged) {
      return null;
    }
  }

  Class<?> define(String name, byte[] classFile) {
    Class<?> c = findLoadedClass(name);
    return c != null ? c : defineClass(name, classFile, 0, classFile.length);
  }

  private static byte[] recordingBridge() throws IOException {
    ClassWriter out = new ClassWriter(0);
    new ClassReader(RecordingBridge.class.getName())
        .accept(
            new ClassRemapper(
                out,
                new SimpleRemapper(
                    RecordingBridge.class.getName().replace('.', '/'), BRIDGE.replace('.', '/'))),
            0);
    return out.toByteArray();
  }
}
