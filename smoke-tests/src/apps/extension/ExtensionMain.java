import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import okhttp3.OkHttpClient;
import okhttp3.Response;
import org.example.parley.ParleyClient;
import org.example.parley.ParleyServer;
import org.example.parley.Reply;
import org.example.parley.Request;

/**
 * Calls itself by OkHttp and by Parley at each line on stdin, and tells both codes; or what it
 * sees.
 */
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
    for (String line; (line = in.readLine()) != null; ) {
      if (line.equals("seen")) {
        System.out.println("SEEN " + seen());
        continue;
      }
      int code;
      try (Response r = okhttp.newCall(new okhttp3.Request.Builder().url(url).build()).execute()) {
        code = r.code();
      }
      Reply reply = client.call(new Request("echo", "said"));
      System.out.println("CODES " + code + " " + reply.code());
    }
    System.exit(0);
  }

  /** What of the agent and its extension an application's loaders find. */
  private static List<String> seen() {
    List<String> seen = new ArrayList<>();
    for (String name :
        new String[] {
          "org.example.parley.weir.ParleyModule",
          "org.example.parley.weir.adapter.CallHook",
          "io.weir.instrumentation.WeirModule",
          "io.weir.engine.gate.Engine",
          "io.weir.agent.weave.Extensions"
        }) {
      try {
        seen.add(Class.forName(name).getName());
      } catch (ClassNotFoundException asItShouldBe) {
        // not even its file
        if (ClassLoader.getSystemResource(name.replace('.', '/') + ".class") != null) {
          seen.add(name);
        }
      }
    }
    return seen;
  }
}
