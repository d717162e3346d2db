import java.util.Collections;
import java.util.function.Function;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;
import org.apache.tomcat.websocket.server.WsSci;
import site.Site;
import site.Wars;

/** A connector with TLS, WebSockets, and a second web application at {@code /other}. */
public class TomcatMore implements Function<Object[], Object> {
  @Override
  public Object apply(Object[] parts) {
    Tomcat tomcat = (Tomcat) parts[0];
    Context first = (Context) parts[1];
    boolean filter = (Boolean) parts[2];
    first.addServletContainerInitializer(new WsSci(), Collections.singleton(EchoSocket.class));
    Context second = tomcat.addContext("/other", first.getDocBase());
    second.addServletContainerInitializer(
        (classes, servlets) -> Site.install(servlets, filter), null);
    for (Context c : new Context[] {first, second}) {
      c.addServletContainerInitializer((classes, servlets) -> Wars.install(servlets), null);
    }
    Connector tls = new Connector();
    tls.setPort(0);
    tls.setProperty("address", "127.0.0.1");
    tls.setSecure(true);
    tls.setScheme("https");
    tls.setProperty("SSLEnabled", "true");
    SSLHostConfig config = new SSLHostConfig();
    SSLHostConfigCertificate certificate =
        new SSLHostConfigCertificate(config, SSLHostConfigCertificate.Type.UNDEFINED);
    certificate.setCertificateKeystoreFile(System.getProperty("site.keys"));
    certificate.setCertificateKeystorePassword("changeit");
    certificate.setCertificateKeystoreType("PKCS12");
    config.addCertificate(certificate);
    tls.addSslHostConfig(config);
    tomcat.getService().addConnector(tls);
    return null;
  }
}
