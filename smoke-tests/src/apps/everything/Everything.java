import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The whole chain of {@link Hops} in one JVM: a asks b by OkHttp, b asks c by gRPC. Tells the ports
 * of a, b and c.
 */
public final class Everything {
  private static final Logger QUIET = Logger.getLogger("org.apache");

  public static void main(String[] args) throws Exception {
    QUIET.setLevel(Level.SEVERE);
    int c = Hops.grpc("c");
    int b = Hops.web("grpc", "b");
    int a = Hops.web("http", "a");
    System.out.println("PORTS " + a + " " + b + " " + c);
    System.out.println("READY " + a);
    Thread.currentThread().join();
  }
}
