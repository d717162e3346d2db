package io.weir.agent.run;

/**
 * Classes of the JDK whose static initialisation loads a native library, and that our threads would
 * otherwise be the first to use. A JVM may stand still for ever over that: it loads one native
 * library at a time, and a library may ask for such a class while it is loaded (Netty's epoll
 * transport asks for {@code InetAddress}). If another thread has just begun to initialise the
 * class, it waits for the library lock, and the application, which holds that lock, for the class.
 *
 * <p>So they are initialised before {@code main}, where only one thread is at work. Seen once in
 * some 160 starts of a gRPC application. Alone it takes 2 to 4 ms on JDK 17 and 10 to 14 on 25; an
 * application with a socket spends that itself, sooner or later.
 */
final class NativeClasses {
  private static final String[] NAMES = {
    "java.net.InetAddress", "java.net.NetworkInterface", "sun.nio.ch.IOUtil"
  };

  private NativeClasses() {}

  static void initialise() {
    for (String name : NAMES) {
      try {
        Class.forName(name, true, null);
      } catch (ClassNotFoundException | LinkageError notInThisJvm) {
        // then nobody can wait for it
      }
    }
  }
}
