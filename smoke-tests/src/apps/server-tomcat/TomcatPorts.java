import java.util.function.Function;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** Tells the ports: with TLS, and for HTTP/2 (by an upgrade). */
public class TomcatPorts implements Function<Object[], Object> {
  @Override
  public Object apply(Object[] parts) {
    Connector[] all = ((Tomcat) parts[0]).getService().findConnectors();
    System.out.println("TLS " + all[1].getLocalPort());
    System.out.println("HTTP2 http://127.0.0.1:" + all[0].getLocalPort());
    return null;
  }
}
