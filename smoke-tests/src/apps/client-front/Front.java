import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/** A server: {@code GET /?WAY+URL...} makes that call on the request's thread. */
public final class Front extends HttpServlet {
  private static final Logger QUIET = Logger.getLogger("org.apache");
  private final Calls calls;

  private Front(Calls calls) {
    this.calls = calls;
  }

  public static int start(Calls calls) throws Exception {
    QUIET.setLevel(Level.SEVERE);
    String base = Files.createTempDirectory("front").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", base);
    Tomcat.addServlet(context, "front", new Front(calls));
    context.addServletMappingDecoded("/", "front");
    tomcat.start();
    return tomcat.getConnector().getLocalPort();
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    String[] words = URLDecoder.decode(request.getQueryString(), "UTF-8").split(" ");
    String told;
    try {
      told = Driver.call(calls, words, new Result());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      told = "interrupted";
    }
    response.getOutputStream().write(told.getBytes(StandardCharsets.UTF_8));
  }
}
