package io.weir.agent.run;

import io.weir.agent.config.Config;
import io.weir.agent.config.Key;

/**
 * What this instance is called in status keys: its configured address, else host name and process
 * id.
 */
final class Identity {
  private Identity() {}

  static String of(Config config) {
    String address = config.get(Key.INSTANCE_ADDRESS);
    if (address != null) {
      return address;
    }
    // no java.net look-up and no MXBean here: a name service that hangs must not hold anything up
    String host = System.getenv("HOSTNAME");
    return (host == null || host.isEmpty() ? "jvm" : host) + ":" + pid();
  }

  private static String pid() {
    // the file system first: a third of a megabyte of garbage less than ProcessHandle on JDK 25
    String self = null;
    try {
      self = new java.io.File("/proc/self").getCanonicalFile().getName();
    } catch (java.io.IOException notLinux) {
      // below
    }
    if (self != null && !self.equals("self")) {
      return self;
    }
    try {
      Class<?> handle = Class.forName("java.lang.ProcessHandle");
      return handle.getMethod("pid").invoke(handle.getMethod("current").invoke(null)).toString();
    } catch (ReflectiveOperationException java8) {
      return Integer.toHexString(System.identityHashCode(Identity.class));
    }
  }
}
