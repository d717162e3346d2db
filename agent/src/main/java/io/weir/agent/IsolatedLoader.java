package io.weir.agent;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLConnection;
import java.net.URLStreamHandler;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Enumeration;
import org.jspecify.annotations.Nullable;

/**
 * Loads everything of the agent that is not woven: engine, control plane, etcd client, weaver.
 *
 * <p>Classes lie in a jar inside the jar ({@link Pack}), so the application's loaders cannot see
 * them; the parent is the platform loader, so the application's libraries are never seen from here.
 * Nothing is relocated: Netty's native names and reflective provider look-ups stay intact.
 *
 * <p>Parallel capable; safe for any thread.
 */
public final class IsolatedLoader extends ClassLoader {
  static {
    registerAsParallelCapable();
  }

  private static final String BOOTSTRAP = "io.weir.bootstrap.";

  /** Loading a class loads its supertypes, each while the one before still holds its buffer. */
  private static final int BUFFERS = 8;

  private final Pack pack;

  /** For class files, to be used again; guarded by itself. */
  private final ArrayDeque<byte[]> buffers = new ArrayDeque<byte[]>(BUFFERS);

  private IsolatedLoader(Pack pack, ClassLoader parent) {
    super(parent);
    this.pack = pack;
  }

  /**
   * The parent has the platform's classes and, under the agent, the bridge in the boot loader; for
   * the command line nobody has put it there, and it is read from the jar.
   */
  static IsolatedLoader over(Pack pack) {
    return new IsolatedLoader(pack, platformLoader());
  }

  static File agentJar(Class<?> ofJar) throws Exception {
    java.security.CodeSource source = ofJar.getProtectionDomain().getCodeSource();
    if (source == null || source.getLocation() == null) {
      throw new IllegalStateException("the agent's jar cannot be located: start it from a file");
    }
    return new File(source.getLocation().toURI());
  }

  /**
   * The one that all loaders of an ordinary JVM end with. Found so, because {@code
   * ClassLoader.getPlatformClassLoader}, which Java 8 does not know, costs milliseconds by
   * reflection: it is sensitive to its caller, so the JVM reads annotations and makes the first
   * proxies of its life.
   */
  private static ClassLoader platformLoader() {
    ClassLoader loader = ClassLoader.getSystemClassLoader();
    for (ClassLoader above; (above = loader.getParent()) != null; ) {
      loader = above;
    }
    String type = loader.getClass().getName();
    if (type.endsWith("PlatformClassLoader") || type.endsWith("ExtClassLoader")) {
      return loader;
    }
    try { // a system loader of the application's own, or another JVM
      return (ClassLoader) ClassLoader.class.getMethod("getPlatformClassLoader").invoke(null);
    } catch (Exception java8) {
      return loader;
    }
  }

  /**
   * What the jar has comes from the jar, without asking the parents first: each of them would
   * answer with an exception and its stack trace, a thousand times before the first call is
   * governed.
   */
  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (name.startsWith("java.") || name.startsWith(BOOTSTRAP)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> c = findLoadedClass(name);
      if (c == null) {
        c = define(name);
        if (c == null) {
          return super.loadClass(name, resolve);
        }
      }
      if (resolve) {
        resolveClass(c);
      }
      return c;
    }
  }

  /** Only asked for the bridge, by the command line, where nobody put it into the boot loader. */
  @Override
  protected Class<?> findClass(String name) throws ClassNotFoundException {
    Class<?> c = name.startsWith(BOOTSTRAP) ? define(name) : null;
    if (c == null) {
      throw new ClassNotFoundException(name);
    }
    return c;
  }

  /** Null: it is not in the jar. */
  private @Nullable Class<?> define(String name) {
    byte[][] buffer = {null};
    synchronized (buffers) {
      buffer[0] = buffers.isEmpty() ? new byte[Pack.BUFFER] : buffers.removeLast();
    }
    try {
      int size = pack.classFile(name, buffer);
      if (size < 0) {
        return null;
      }
      int dot = name.lastIndexOf('.');
      if (dot > 0) {
        definePackageOnce(name.substring(0, dot));
      }
      return defineClass(name, buffer[0], 0, size);
    } catch (IOException damaged) {
      return null;
    } finally {
      synchronized (buffers) {
        if (buffers.size() < BUFFERS) {
          buffers.addLast(buffer[0]);
        }
      }
    }
  }

  @SuppressWarnings("deprecation") // getDefinedPackage is Java 9
  private void definePackageOnce(String name) {
    if (getPackage(name) == null) {
      try {
        definePackage(name, null, null, null, null, null, null, null);
      } catch (IllegalArgumentException anotherThreadDidIt) {
        // as intended
      }
    }
  }

  @Override
  protected @Nullable URL findResource(String name) {
    byte[] b = resource(name);
    return b == null ? null : url(name, b);
  }

  @Override
  protected Enumeration<URL> findResources(String name) {
    URL u = findResource(name);
    return u == null
        ? Collections.<URL>emptyEnumeration()
        : Collections.enumeration(Collections.singleton(u));
  }

  private byte @Nullable [] resource(String name) {
    try {
      return pack.resource(name);
    } catch (IOException damaged) {
      return null;
    }
  }

  private static URL url(String name, final byte[] b) {
    try {
      // a handler of our own: no handler of the JVM's knows a jar within a jar
      return new URL(
          "weir",
          null,
          -1,
          "/" + name,
          new URLStreamHandler() {
            @Override
            protected URLConnection openConnection(URL u) {
              return new URLConnection(u) {
                @Override
                public void connect() {}

                @Override
                public InputStream getInputStream() {
                  return new ByteArrayInputStream(b);
                }
              };
            }
          });
    } catch (MalformedURLException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
