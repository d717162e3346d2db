import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import okhttp3.OkHttpClient;
import okhttp3.Response;
import org.example.parley.ParleyClient;
import org.example.parley.ParleyServer;
import org.example.parley.Reply;
import org.example.parley.Request;

/** Calls itself by OkHttp and by Parley at each line on stdin, and tells both codes. */
public final class ExtensionMain {
  public static void main(String[] args) throws Exception {
    HttpServer http =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    http.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    http.start();
    ParleyServer parley = new ParleyServer(0, r -> new Reply(Reply.DONE, r.text())).start();
    ParleyClient client = new ParleyClient("127.0.0.1", parley.port());
    OkHttpClient okhttp = new OkHttpClient();
    String url = "http://127.0.0.1:" + http.getAddress().getPort() + "/";
    System.out.println("READY 0");
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while (in.readLine() != null) {
      int code;
      try (Response r =
          okhttp.newCall(new okhttp3.Request.Builder().url(url).build()).execute()) {
        code = r.code();
      }
      Reply reply = client.call(new Request("echo", "said"));
      System.out.println("CODES " + code + " " + reply.code());
    }
    System.exit(0);
  }
}
