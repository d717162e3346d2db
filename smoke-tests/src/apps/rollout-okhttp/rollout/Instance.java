package rollout;

import java.io.IOException;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/**
 * One instance of a service: answers its name and which rule (header X-Rule) sent the call here; {@code /held} answers
 * when told so, {@code /healthz} says how it is. Arguments: NAME [ADDRESS to bind].
 */
public final class Instance {
  private static final Logger QUIET = Logger.getLogger("org.apache");

  private static volatile boolean well = true;

  private Instance() {}

  public static void main(String[] args) throws Exception {
    QUIET.setLevel(Level.SEVERE);
    String base = Files.createTempDirectory("rollout").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", args.length > 1 ? args[1] : "127.0.0.1");
    Context context = tomcat.addContext("", base);
    Tomcat.addServlet(context, "name", new Name(args[0]));
    context.addServletMappingDecoded("/*", "name");
    tomcat.start();
    Orders.obey(b -> well = b);
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    Thread.currentThread().join();
  }

  private static final class Name extends HttpServlet {
    private final String name;

    Name(String name) {
      this.name = name;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      if (request.getRequestURI().equals("/healthz") && !well) {
        response.setStatus(500);
      }
      if (request.getRequestURI().equals("/held")) {
        Orders.hold();
      }
      response.getWriter().print(name + " " + request.getHeader("X-Rule"));
    }
  }
}
