package io.weir.engine.outcome;

import org.jspecify.annotations.Nullable;

/**
 * Distinguishes failures on the caller's side from failures of its target, by the class names and
 * messages of what was thrown. By name, because the engine is not linked with every library.
 * Stateless; any thread.
 */
public final class LocalFailures {
  /** Causes are followed so far; a chain of causes may be a loop. */
  private static final int MAX_CAUSES = 8;

  /**
   * Classes of local failures. The throwable or one of its causes is of such a class, or a
   * subclass.
   */
  private static final String[] CLASSES = {
    "java.net.UnknownHostException",
    "java.nio.channels.UnresolvedAddressException",
    "javax.net.ssl.SSLHandshakeException",
    "javax.net.ssl.SSLPeerUnverifiedException",
    "javax.net.ssl.SSLKeyException",
    "java.security.GeneralSecurityException", // certificates and keys of this side
    "java.lang.VirtualMachineError", // no memory, no stack
    "java.lang.LinkageError",
    "java.util.concurrent.RejectedExecutionException",
    "java.io.FileNotFoundException", // a body that cannot be read
    "java.nio.file.FileSystemException",
  };

  /**
   * Parts of messages by which the operating system or JVM says that this process has run out of
   * something.
   */
  private static final String[] MESSAGES = {
    "Too many open files", "unable to create native thread", "Cannot assign requested address"
  };

  /**
   * If the cause of a TLS failure is one of these, the peer ended the connection, so the failure is
   * not local.
   */
  private static final String[] ENDED_BY_PEER = {
    "java.io.EOFException", "java.net.SocketException"
  };

  private LocalFailures() {}

  /**
   * Whether a throwable, or one of its causes, is a failure on the caller's side.
   *
   * @param thrown what a call failed with; null: false
   */
  public static boolean isLocal(@Nullable Throwable thrown) {
    Throwable t = thrown;
    boolean local = false;
    for (int i = 0; t != null && i < MAX_CAUSES; i++, t = t.getCause()) {
      if (hasMessage(t)) {
        return true;
      }
      // it looked like a local TLS failure, but its cause says otherwise
      if (local && isAny(t, ENDED_BY_PEER)) {
        return false;
      }
      local |= isAny(t, CLASSES);
    }
    return local;
  }

  private static boolean hasMessage(Throwable t) {
    String message = t.getMessage();
    for (int i = 0; message != null && i < MESSAGES.length; i++) {
      if (message.contains(MESSAGES[i])) {
        return true;
      }
    }
    return false;
  }

  private static boolean isAny(Throwable t, String[] names) {
    for (Class<?> c = t.getClass(); c != null; c = c.getSuperclass()) {
      for (String name : names) {
        if (name.equals(c.getName())) {
          return true;
        }
      }
    }
    return false;
  }
}
