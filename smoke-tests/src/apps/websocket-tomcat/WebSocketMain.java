import java.nio.file.Files;
import java.util.Collections;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.websocket.server.WsSci;

public class WebSocketMain {
  public static void main(String[] args) throws Exception {
    String base = Files.createTempDirectory("tomcat").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", base);
    Tomcat.addServlet(context, "hello", new HelloServlet());
    context.addServletMappingDecoded("/hello", "hello");
    // what serves a static file serves an endpoint: a path without any servlet is refused before
    Tomcat.addServlet(context, "default", "org.apache.catalina.servlets.DefaultServlet");
    context.addServletMappingDecoded("/", "default");
    context.addServletContainerInitializer(
        new WsSci(), Collections.singleton(EchoSocket.class));
    tomcat.start();
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    tomcat.getServer().await();
  }
}
