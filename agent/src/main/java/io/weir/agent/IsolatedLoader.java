package io.weir.agent;

import java.io.DataInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLConnection;
import java.net.URLStreamHandler;
import java.util.Collections;
import java.util.Enumeration;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.jspecify.annotations.Nullable;

/**
 * Loads everything of the agent that is not woven: engine, control plane, etcd client, weaver.
 *
 * <p>Classes lie in the jar as {@code inst/**.classdata}, so the application's loaders cannot see
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

  private final JarFile jar;

  private IsolatedLoader(File file, ClassLoader parent) throws IOException {
    super(parent);
    jar = new JarFile(file, false);
  }

  /**
   * The parent has the platform's classes and, under the agent, the bridge in the boot loader; for
   * the command line nobody has put it there, and it is read from the jar.
   */
  static IsolatedLoader open(File jar) throws IOException {
    return new IsolatedLoader(jar, platformLoader());
  }

  static File agentJar(Class<?> ofJar) throws Exception {
    java.security.CodeSource source = ofJar.getProtectionDomain().getCodeSource();
    if (source == null || source.getLocation() == null) {
      throw new IllegalStateException("the agent's jar cannot be located: start it from a file");
    }
    return new File(source.getLocation().toURI());
  }

  private static ClassLoader platformLoader() {
    try {
      return (ClassLoader) ClassLoader.class.getMethod("getPlatformClassLoader").invoke(null);
    } catch (Exception java8) {
      return ClassLoader.getSystemClassLoader().getParent();
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
        byte[] b = read(name.replace('.', '/') + ".class");
        if (b == null) {
          return super.loadClass(name, resolve);
        }
        c = define(name, b);
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
    byte[] b = name.startsWith(BOOTSTRAP) ? read(name.replace('.', '/') + ".class") : null;
    if (b == null) {
      throw new ClassNotFoundException(name);
    }
    return define(name, b);
  }

  private Class<?> define(String name, byte[] b) {
    int dot = name.lastIndexOf('.');
    if (dot > 0) {
      definePackageOnce(name.substring(0, dot));
    }
    return defineClass(name, b, 0, b.length);
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
    JarEntry e = entry(name);
    return e == null ? null : url(e);
  }

  @Override
  protected Enumeration<URL> findResources(String name) {
    URL u = findResource(name);
    return u == null
        ? Collections.<URL>emptyEnumeration()
        : Collections.enumeration(Collections.singleton(u));
  }

  private byte @Nullable [] read(String resource) {
    JarEntry e = entry(resource);
    if (e == null) {
      return null;
    }
    try {
      InputStream in = jar.getInputStream(e);
      try {
        byte[] b = new byte[(int) e.getSize()];
        new DataInputStream(in).readFully(b);
        return b;
      } finally {
        in.close();
      }
    } catch (IOException damaged) {
      return null;
    }
  }

  private @Nullable JarEntry entry(String resource) {
    String name = resource.endsWith(".class") ? resource + "data" : resource;
    return jar.getJarEntry((name.startsWith("io/weir/bootstrap/") ? "boot/" : "inst/") + name);
  }

  private URL url(final JarEntry e) {
    try {
      // a handler of our own: the JVM's jar cache would keep the file open and look up by path
      return new URL(
          "weir",
          null,
          -1,
          "/" + e.getName(),
          new URLStreamHandler() {
            @Override
            protected URLConnection openConnection(URL u) {
              return new URLConnection(u) {
                @Override
                public void connect() {}

                @Override
                public InputStream getInputStream() throws IOException {
                  return jar.getInputStream(e);
                }

                @Override
                public long getContentLengthLong() {
                  return e.getSize();
                }
              };
            }
          });
    } catch (MalformedURLException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
