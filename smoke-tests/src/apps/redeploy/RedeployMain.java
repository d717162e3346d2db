import java.io.File;
import java.lang.ref.WeakReference;
import java.net.HttpURLConnection;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.apache.catalina.core.StandardContext;
import org.apache.catalina.startup.Tomcat;

/** Deploys a web application over and over; then tells how many of its class loaders live on. */
public class RedeployMain {
  private static final class Up extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {}
  }

  private static final Logger LOG = Logger.getLogger("org.apache");

  public static void main(String[] args) throws Exception {
    LOG.setLevel(Level.OFF);
    File docBase = new File(args[0]);
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(docBase.getParent());
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Tomcat.addServlet(tomcat.addContext("/up", docBase.getParent()), "up", new Up())
        .addMapping("/");
    tomcat.start();
    int port = tomcat.getConnector().getLocalPort();
    System.out.println("READY " + port);
    System.in.read(); // the test says when the rules are in force
    List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
    StringBuilder answers = new StringBuilder();
    for (int i = 0; i < Integer.parseInt(args[1]); i++) {
      StandardContext context = new StandardContext();
      context.setPath("");
      context.setDocBase(docBase.getPath());
      context.addLifecycleListener(new Tomcat.FixContextListener());
      Tomcat.addServlet(context, "front", "shop.Front");
      context.addServletMappingDecoded("/", "front");
      tomcat.getHost().addChild(context); // starts it
      loaders.add(new WeakReference<>(context.getLoader().getClassLoader()));
      answers.append(answer(port)).append(' ');
      tomcat.getHost().removeChild(context);
      context.destroy();
    }
    System.out.println("ANSWERS " + answers.toString().trim());
    int alive = loaders.size();
    for (int i = 0; i < 50 && alive > 0; i++) {
      System.gc();
      Thread.sleep(50); // collecting is the collector's own business
      alive = 0;
      for (WeakReference<ClassLoader> l : loaders) {
        alive += l.get() == null ? 0 : 1;
      }
    }
    System.out.println("ALIVE " + alive + " of " + loaders.size());
    tomcat.stop();
  }

  /** By a name of its own: a rule refuses all calls to 127.0.0.1, those of the web application. */
  private static String answer(int port) throws Exception {
    HttpURLConnection c =
        (HttpURLConnection) new URL("http://localhost:" + port + "/").openConnection();
    c.setRequestProperty("Connection", "close");
    int status = c.getResponseCode();
    return status != 200
        ? Integer.toString(status)
        : status + ":" + new String(c.getInputStream().readAllBytes(), "UTF-8");
  }
}
