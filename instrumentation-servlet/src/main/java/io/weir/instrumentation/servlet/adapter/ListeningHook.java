package io.weir.instrumentation.servlet.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.engine.instances.ListeningPorts;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Tells the port a container has opened, or is about to close. Reflection, because this happens
 * once in a server's life and three containers in a dozen versions agree on these few public
 * methods; a container that lacks one is simply not registered.
 */
public final class ListeningHook extends Hook {
  private final ListeningPorts ports;

  public ListeningHook(Engine engine) {
    ports = engine.ports();
  }

  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown)
      throws Throwable {
    try {
      tell(state, self);
    } catch (Exception e) {
      if (state == null) {
        throw e;
      }
      // a server that is stopped twice, or was never started, has no port to tell
    }
    return result;
  }

  private void tell(@Nullable Object state, Object self) throws Exception {
    String type = self.getClass().getName();
    if (type.startsWith("io.undertow.")) {
      for (Object listener : (Iterable<?>) call(self, "getListenerInfo")) {
        String protocol = String.valueOf(call(listener, "getProtcol"));
        Object address = call(listener, "getAddress");
        if (protocol.startsWith("http") && address instanceof InetSocketAddress) {
          InetSocketAddress at = (InetSocketAddress) address;
          tell(state, at.getAddress(), at.getPort());
        }
      }
    } else if (type.startsWith("org.apache.catalina.")) {
      Object address =
          self.getClass().getMethod("getProperty", String.class).invoke(self, "address");
      if (!String.valueOf(call(self, "getProtocolHandlerClassName")).contains("ajp")) {
        tell(
            state,
            address instanceof InetAddress
                ? (InetAddress) address
                : address == null ? null : InetAddress.getByName(literal(String.valueOf(address))),
            (Integer) call(self, "getLocalPort"));
      }
    } else {
      Object host = call(self, "getHost");
      tell(
          state,
          host == null ? null : InetAddress.getByName(literal(host.toString())),
          (Integer) call(self, "getLocalPort"));
    }
  }

  private void tell(@Nullable Object state, @Nullable InetAddress address, int port) {
    if (state != null) {
      ports.stopped(port);
      return;
    }
    String host = address == null || address.isAnyLocalAddress() ? null : address.getHostAddress();
    ports.listening("http", host, port);
  }

  /** {@code /127.0.0.1} and {@code localhost/127.0.0.1} as InetAddress prints them. */
  private static String literal(String text) {
    return text.substring(text.indexOf('/') + 1);
  }

  private static Object call(Object self, String method) throws ReflectiveOperationException {
    return self.getClass().getMethod(method).invoke(self);
  }
}
