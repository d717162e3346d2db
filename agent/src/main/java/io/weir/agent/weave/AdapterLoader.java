package io.weir.agent.weave;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Loads adapters beside the library they are typed against: child of the application's loader for
 * the library's types, with the engine and what instrumentations have in common taken from the
 * isolated loader. Lives as long as the woven class that uses it.
 */
final class AdapterLoader extends ClassLoader {
  static {
    registerAsParallelCapable();
  }

  private final ClassLoader isolated;
  private final @Nullable UnaryOperator<byte[]> rewrite;

  AdapterLoader(ClassLoader application, ClassLoader isolated) {
    this(application, isolated, null);
  }

  /**
   * @param rewrite what becomes of an adapter's class file; null: it stays as it is
   */
  AdapterLoader(
      @Nullable ClassLoader application,
      ClassLoader isolated,
      @Nullable UnaryOperator<byte[]> rewrite) {
    super(application);
    this.isolated = isolated;
    this.rewrite = rewrite;
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (name.startsWith("io.weir.engine.") || name.startsWith("io.weir.instrumentation.api.")) {
      return isolated.loadClass(name);
    }
    if (name.startsWith("io.weir.bootstrap.")) {
      // the boot loader directly: some application loaders (OSGi, JBoss) do not ask it for unknown
      // packages
      return Class.forName(name, false, null);
    }
    if (name.startsWith("io.weir.instrumentation.")) {
      synchronized (getClassLoadingLock(name)) {
        Class<?> c = findLoadedClass(name);
        return c != null ? c : define(name);
      }
    }
    return super.loadClass(name, resolve);
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    try (InputStream in = isolated.getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new ClassNotFoundException(name);
      }
      ByteArrayOutputStream out = new ByteArrayOutputStream(8192);
      byte[] buffer = new byte[8192];
      for (int n; (n = in.read(buffer)) > 0; ) {
        out.write(buffer, 0, n);
      }
      byte[] classFile = out.toByteArray();
      classFile = rewrite == null ? classFile : rewrite.apply(classFile);
      return defineClass(name, classFile, 0, classFile.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }
}
