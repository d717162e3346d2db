package io.weir.instrumentation.servlet.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.engine.instances.ListeningPorts;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import org.jspecify.annotations.Nullable;

/**
 * Reports to {@link ListeningPorts} the port that a container has opened or is about to close. Uses
 * reflection: it runs once in a server's life, and the same few public methods exist in a dozen
 * versions of three containers. A container that lacks one of them is not registered.
 */
public final class ListeningHook extends Hook {
  private final ListeningPorts ports;

  public ListeningHook(Engine engine) {
    ports = engine.ports();
  }

  /**
   * Called by the advice of opening when the method has returned, and by that of closing before the
   * method runs: afterwards the port is no longer known.
   *
   * @param state set by the advice. Null: the port was opened; anything else: it is about to be
   *     closed
   */
  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown)
      throws Throwable {
    try {
      report(state, self);
    } catch (Exception e) {
      if (state == null) {
        throw e;
      }
      // a server that is stopped twice, or was never started, has no port to report
    }
    return result;
  }

  private void report(@Nullable Object state, Object self) throws Exception {
    String type = self.getClass().getName();
    if (type.startsWith("io.undertow.")) {
      for (Object listener : (Iterable<?>) call(self, "getListenerInfo")) {
        String protocol = String.valueOf(call(listener, "getProtcol"));
        Object address = call(listener, "getAddress");
        if (protocol.startsWith("http") && address instanceof InetSocketAddress) {
          InetSocketAddress at = (InetSocketAddress) address;
          report(state, at.getAddress(), at.getPort());
        }
      }
    } else if (type.startsWith("org.apache.catalina.")) {
      Object address =
          self.getClass().getMethod("getProperty", String.class).invoke(self, "address");
      if (!String.valueOf(call(self, "getProtocolHandlerClassName")).contains("ajp")) {
        report(state, address(address), (Integer) call(self, "getLocalPort"));
      }
    } else {
      Object host = call(self, "getHost");
      report(state, address(host), (Integer) call(self, "getLocalPort"));
    }
  }

  private void report(@Nullable Object state, @Nullable InetAddress address, int port) {
    if (state != null) {
      ports.stopped(port);
      return;
    }
    String host = address == null || address.isAnyLocalAddress() ? null : address.getHostAddress();
    ports.listening("http", host, port);
  }

  /**
   * The address a container listens on; null: any.
   *
   * @param value an InetAddress, or text: a host, an address, or {@code localhost/127.0.0.1} as
   *     InetAddress prints it
   */
  private static @Nullable InetAddress address(@Nullable Object value) throws UnknownHostException {
    if (value == null || value instanceof InetAddress) {
      return (InetAddress) value;
    }
    String text = value.toString();
    return InetAddress.getByName(text.substring(text.indexOf('/') + 1));
  }

  private static Object call(Object self, String method) throws ReflectiveOperationException {
    return self.getClass().getMethod(method).invoke(self);
  }
}
