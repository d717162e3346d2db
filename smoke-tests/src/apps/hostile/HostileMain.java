import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** A Tomcat that turns away as little as it can, so that what stands behind it sees everything. */
public class HostileMain {
  private static final Logger LOG = Logger.getLogger("org.apache");

  public static void main(String[] args) throws Exception {
    LOG.setLevel(Level.OFF);
    String base = Files.createTempDirectory("tomcat").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    Connector c = tomcat.getConnector();
    c.setProperty("address", "127.0.0.1");
    c.setProperty("maxHttpHeaderSize", "1048576");
    c.setProperty("maxHeaderCount", "-1");
    c.setProperty("maxSwallowSize", "-1");
    c.setProperty("maxKeepAliveRequests", "-1");
    c.setProperty("relaxedPathChars", "\"<>[\\]^`{|}");
    c.setProperty("relaxedQueryChars", "\"<>[\\]^`{|}");
    c.setProperty("rejectIllegalHeader", "false");
    c.setEncodedSolidusHandling("decode");
    c.setAllowBackslash(true);
    Context context = tomcat.addContext("", base);
    Tomcat.addServlet(context, "all", new All());
    context.addServletMappingDecoded("/*", "all");
    tomcat.start();
    System.out.println("READY " + c.getLocalPort());
    tomcat.getServer().await();
  }

  public static final class All extends HttpServlet {
    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      response.setContentLength(0);
    }
  }
}
