import java.io.IOException;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/** A shop: each request calls {@code http://payment/} and answers as that did. */
public final class Shop {
  private static final Logger QUIET = Logger.getLogger("org.apache");
  private static final OkHttpClient HTTP = new OkHttpClient();

  private Shop() {}

  public static void main(String[] args) throws Exception {
    QUIET.setLevel(Level.SEVERE);
    String base = Files.createTempDirectory("shop").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", base);
    Tomcat.addServlet(context, "orders", new Orders());
    context.addServletMappingDecoded("/*", "orders");
    tomcat.start();
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    Thread.currentThread().join();
  }

  private static final class Orders extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      try (Response paid =
          HTTP.newCall(new Request.Builder().url("http://payment/pay").build()).execute()) {
        response.setStatus(paid.isSuccessful() ? 200 : 502);
      } catch (IOException e) {
        response.setStatus(502);
      }
    }
  }
}
