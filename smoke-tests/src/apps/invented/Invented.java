import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Scanner;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * Calls thousands of hosts that somebody made up and nobody is at, then one that answers, by a name
 * that nobody has called before: {@code GOOD n} of a hundred. {@code FIRST code}: what the first host
 * made up answers now.
 */
public final class Invented {
  private static final int HOSTS = 2_500;
  private static final int CALLS = 6;
  private static final OkHttpClient HTTP = new OkHttpClient();

  public static void main(String[] args) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress("0.0.0.0", 0), 0);
    server.createContext(
        "/",
        x -> {
          x.sendResponseHeaders(204, -1);
          x.close();
        });
    server.start();
    int port = server.getAddress().getPort();
    System.out.println("READY " + port);
    new Scanner(System.in).nextLine();
    for (int i = 0; i < HOSTS; i++) {
      for (int n = 0; n < CALLS; n++) {
        call("127.0." + (10 + i / 200) + "." + (1 + i % 200), 1);
      }
    }
    System.out.println("FIRST " + call("127.0.10.1", 1));
    int good = 0;
    for (int i = 0; i < 100; i++) {
      good += call("127.9.9." + (1 + i % 10), port) == 204 ? 1 : 0;
    }
    System.out.println("GOOD " + good);
  }

  private static int call(String host, int port) {
    Request call = new Request.Builder().url("http://" + host + ":" + port + "/").build();
    try (Response r = HTTP.newCall(call).execute()) {
      return r.code();
    } catch (IOException refused) {
      return -1;
    }
  }
}
