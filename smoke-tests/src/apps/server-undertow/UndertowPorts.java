import io.undertow.Undertow;
import java.net.InetSocketAddress;
import java.util.function.Function;

/** Tells the ports: with TLS, and for HTTP/2, which is by TLS here. */
public class UndertowPorts implements Function<Object[], Object> {
  @Override
  public Object apply(Object[] parts) {
    Undertow server = (Undertow) parts[0];
    System.out.println("TLS " + port(server, 1));
    System.out.println("HTTP2 https://localhost:" + port(server, 1));
    return null;
  }

  private static int port(Undertow server, int listener) {
    return ((InetSocketAddress) server.getListenerInfo().get(listener).getAddress()).getPort();
  }
}
