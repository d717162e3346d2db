package fleet;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/** The service that fails, over HTTP. */
public final class Target {
  private Target() {}

  public static void main(String[] args) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext(
        "/",
        exchange -> {
          boolean good = Mood.good(exchange.getRequestHeaders().getFirst("X-Name"));
          if (!good && Mood.shed) {
            exchange.getResponseHeaders().set("X-Weir-Rejected", "full");
          }
          exchange.sendResponseHeaders(good ? 200 : Mood.plain ? 500 : 503, -1);
          exchange.close();
        });
    server.start();
    System.out.println("READY " + server.getAddress().getPort());
    Mood.listen();
    System.exit(0);
  }
}
