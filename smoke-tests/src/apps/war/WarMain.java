import java.io.File;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/** Runs a war file as it comes. */
public class WarMain {
  private static final Logger LOG = Logger.getLogger("org.apache");

  public static void main(String[] args) throws Exception {
    LOG.setLevel(Level.SEVERE);
    String base = Files.createTempDirectory("war").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.getServer().setParentClassLoader(WarMain.class.getClassLoader());
    new File(base, "webapps").mkdir();
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addWebapp("/app", args[0]);
    context.setParentClassLoader(WarMain.class.getClassLoader());
    tomcat.start();
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    tomcat.getServer().await();
  }
}
