package io.weir.engine.outcome;

import org.jspecify.annotations.Nullable;

/**
 * Tells failures of the caller's own side from those of its target, by the names of what was
 * thrown. Immutable; any thread.
 */
public final class LocalFailures {
  private static final int MAX_CAUSES = 8;

  /** Of the class that was thrown, one of its superclasses, or a cause. */
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

  /** In the message: what the operating system says when this process has no more of something. */
  private static final String[] MESSAGES = {
    "Too many open files", "unable to create native thread", "Cannot assign requested address"
  };

  /** The peer ended the connection within the handshake: that is the target's. */
  private static final String[] ENDED_BY_PEER = {
    "java.io.EOFException", "java.net.SocketException"
  };

  private LocalFailures() {}

  /**
   * Whether a throwable, or one of its causes, is this side's own failure.
   *
   * @param thrown what a call failed with, or null
   */
  public static boolean isLocal(@Nullable Throwable thrown) {
    Throwable t = thrown;
    boolean local = false;
    for (int i = 0; t != null && i < MAX_CAUSES; i++, t = t.getCause()) {
      if (hasMessage(t)) {
        return true;
      }
      if (local && is(t, ENDED_BY_PEER)) {
        return false;
      }
      local |= is(t, CLASSES);
    }
    return local;
  }

  private static boolean hasMessage(Throwable t) {
    String said = t.getMessage();
    for (int i = 0; said != null && i < MESSAGES.length; i++) {
      if (said.contains(MESSAGES[i])) {
        return true;
      }
    }
    return false;
  }

  private static boolean is(Throwable t, String[] names) {
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
