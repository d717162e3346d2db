package io.weir.agent.run;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.jspecify.annotations.Nullable;

/**
 * What this instance is called in status keys, votes, probes and metrics: its configured address,
 * else {@code HOST:PID}. Where that need not be unique, in a container and on a host without a name
 * of its own, a mark of the host's boot and the container is added: {@code web:1~k3x9f}.
 */
final class Identity {
  /** The inode of the first process namespace on every Linux; containers have others. */
  private static final String FIRST_NAMESPACE = "pid:[4026531836]";

  private Identity() {}

  static String of(Config config) {
    String address = config.get(PropertyKey.INSTANCE_ADDRESS);
    // a host alone may have several instances
    if (address != null && address.lastIndexOf(':') > address.lastIndexOf(']')) {
      return address;
    }
    return name(
        HostName.get(), pid(), namespace(), HostName.read("/proc/sys/kernel/random/boot_id"));
  }

  /**
   * @param namespace of processes, as {@code /proc/self/ns/pid} tells it; null when unknown
   * @param boot the host's own since it was started; null when unknown
   */
  static String name(String host, String pid, @Nullable String namespace, @Nullable String boot) {
    boolean container = namespace != null && !namespace.equals(FIRST_NAMESPACE);
    boolean nameless = host.equals(HostName.NONE) || host.startsWith("localhost");
    String name = host + ":" + pid;
    if (boot == null || !container && !nameless) {
      return name;
    }
    int mark = (boot.trim() + namespace).hashCode();
    return name + "~" + Integer.toString(mark & 0x1ffffff, 36);
  }

  private static @Nullable String namespace() {
    try {
      return Files.readSymbolicLink(Paths.get("/proc/self/ns/pid")).toString();
    } catch (IOException | RuntimeException notLinux) {
      return null;
    }
  }

  private static String pid() {
    // the file system first: a third of a megabyte of garbage less than ProcessHandle on JDK 25
    String self = null;
    try {
      self = new File("/proc/self").getCanonicalFile().getName();
    } catch (IOException notLinux) {
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
