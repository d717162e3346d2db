import java.io.IOException;
import java.nio.file.Files;
import java.util.concurrent.Semaphore;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/**
 * A service with so many workers, each of whom works a fixed time on a request, whatever the CPU is
 * doing: {@code /work}. Requests wait for a worker in the order they came. {@code /workers?n} hires
 * and fires. It knows nothing of Weir.
 */
public class StepLoadMain {
  private static final Logger LOG = Logger.getLogger("org.apache");

  private static final class Workers extends Semaphore {
    private static final long serialVersionUID = 1;
    private int n;

    Workers(int n) {
      super(n, true);
      this.n = n;
    }

    synchronized void are(int now) {
      if (now > n) {
        release(now - n);
      } else {
        reducePermits(n - now);
      }
      n = now;
    }
  }

  /** Arguments: workers, milliseconds of work. */
  public static void main(String[] args) throws Exception {
    LOG.setLevel(Level.SEVERE);
    Workers workers = new Workers(Integer.parseInt(args[0]));
    long work = Long.parseLong(args[1]);
    String base = Files.createTempDirectory("stepload").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat.getConnector().setProperty("maxThreads", "3000");
    tomcat.getConnector().setProperty("maxConnections", "20000");
    Context context = tomcat.addContext("", base);
    servlet(
        context,
        "/work",
        (request, response) -> {
          workers.acquireUninterruptibly();
          try {
            Thread.sleep(work);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          } finally {
            workers.release();
          }
        });
    servlet(
        context,
        "/workers",
        (request, response) -> workers.are(Integer.parseInt(request.getQueryString())));
    tomcat.start();
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    tomcat.getServer().await();
  }

  private interface Handler {
    void handle(HttpServletRequest request, HttpServletResponse response) throws IOException;
  }

  private static void servlet(Context context, String path, Handler handler) {
    Tomcat.addServlet(
        context,
        path,
        new HttpServlet() {
          @Override
          protected void doGet(HttpServletRequest request, HttpServletResponse response)
              throws IOException {
            handler.handle(request, response);
          }
        });
    context.addServletMappingDecoded(path, path);
  }
}
