import java.nio.file.Files;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.coyote.AbstractProtocol;
import org.apache.coyote.http2.Http2Protocol;
import org.apache.tomcat.util.descriptor.web.ErrorPage;
import site.Full;
import site.Site;

public class TomcatMain {
  private static final Logger LOG = Logger.getLogger("org.apache");

  public static void main(String[] args) throws Exception {
    LOG.setLevel(Level.SEVERE);
    String base = Files.createTempDirectory("tomcat").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat.getConnector().setProperty("maxThreads", "4");
    tomcat.getConnector().setProperty("minSpareThreads", "4");
    String idle = System.getProperty("site.idle");
    if (idle != null) {
      tomcat.getConnector().setProperty("connectionTimeout", idle);
      tomcat.getConnector().setAsyncTimeout(Long.parseLong(idle));
    }
    tomcat.getConnector().addUpgradeProtocol(new Http2Protocol());
    if (System.getProperty("site.full") != null) {
      ExecutorService pool = Executors.newFixedThreadPool(4);
      ((AbstractProtocol<?>) tomcat.getConnector().getProtocolHandler())
          .setExecutor(
              task -> {
                Full.check();
                pool.execute(task);
              });
    }
    Context context = tomcat.addContext("", base);
    context.addServletContainerInitializer(
        (classes, servlets) -> Site.install(servlets, args.length > 0), null);
    ErrorPage page = new ErrorPage();
    page.setLocation("/error-page");
    context.addErrorPage(page);
    Site.more("TomcatMore", tomcat, context, args.length > 0);
    tomcat.start();
    Site.more("TomcatPorts", tomcat);
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    tomcat.getServer().await();
  }
}
