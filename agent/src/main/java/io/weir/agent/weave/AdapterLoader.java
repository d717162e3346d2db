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

  /** Where adapters of an extension come from; null: they are the agent's own. */
  private final @Nullable ExtensionLoader extension;

  AdapterLoader(
      @Nullable ClassLoader application,
      ClassLoader isolated,
      @Nullable ExtensionLoader extension) {
    super(application);
    this.isolated = isolated;
    this.extension = extension;
    rewrite = null;
  }

  /**
   * @param rewrite what becomes of an adapter's class file
   */
  AdapterLoader(
      @Nullable ClassLoader application, ClassLoader isolated, UnaryOperator<byte[]> rewrite) {
    super(application);
    this.isolated = isolated;
    this.rewrite = rewrite;
    extension = null;
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
    if (extension == null ? name.startsWith("io.weir.instrumentation.") : extension.has(name)) {
      synchronized (getClassLoadingLock(name)) {
        Class<?> c = findLoadedClass(name);
        return c != null ? c : define(name);
      }
    }
    return super.loadClass(name, resolve);
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    byte[] ofExtension = extension == null ? null : extension.classFile(name);
    if (ofExtension != null) {
      return defineClass(name, ofExtension, 0, ofExtension.length);
    }
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
