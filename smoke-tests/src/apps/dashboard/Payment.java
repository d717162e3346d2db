import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;

/** A payment service whose calls take a few milliseconds; {@code well}, {@code slow} or {@code broken} as stdin says. */
public final class Payment {
  private static volatile String mood = "well";

  private Payment() {}

  public static void main(String[] args) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext(
        "/",
        exchange -> {
          try {
            double spread = Math.exp(ThreadLocalRandom.current().nextGaussian() / 2);
            Thread.sleep((long) (spread * (mood.equals("slow") ? 120 : 6)));
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          exchange.sendResponseHeaders(mood.equals("broken") ? 500 : 200, -1);
          exchange.close();
        });
    server.start();
    System.out.println("READY " + server.getAddress().getPort());
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      mood = line;
      System.out.println("DONE " + line);
    }
    System.exit(0);
  }
}
