import java.util.function.Function;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** Tells the ports: with TLS, and for HTTP/2 (by an upgrade). */
public class JettyPorts implements Function<Object[], Object> {
  @Override
  public Object apply(Object[] parts) {
    Connector[] all = ((Server) parts[0]).getConnectors();
    System.out.println("TLS " + ((ServerConnector) all[1]).getLocalPort());
    System.out.println("HTTP2 http://127.0.0.1:" + ((ServerConnector) all[2]).getLocalPort());
    return null;
  }
}
