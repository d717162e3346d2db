import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** Calls its own server with the clients that its standard input names, one a line. */
public final class CoverageMain {
  public static void main(String[] args) throws Exception {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    server.start();
    int port = server.getAddress().getPort();
    System.out.println("READY " + port);
    String url = "http://127.0.0.1:" + port + "/";
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String client; (client = in.readLine()) != null; ) {
      System.out.println(client + " " + call(client, url));
    }
    server.stop(0);
    System.exit(0);
  }

  private static int call(String client, String url) throws Exception {
    switch (client) {
      case "resttemplate":
        return new org.springframework.web.client.RestTemplate()
            .getForEntity(url, String.class)
            .getStatusCode()
            .value();
      case "jdk":
        return java.net.http.HttpClient.newHttpClient()
            .send(
                java.net.http.HttpRequest.newBuilder(URI.create(url)).build(),
                java.net.http.HttpResponse.BodyHandlers.discarding())
            .statusCode();
      case "apache4":
        try (org.apache.http.impl.client.CloseableHttpClient c =
            org.apache.http.impl.client.HttpClients.createDefault()) {
          return c.execute(new org.apache.http.client.methods.HttpGet(url))
              .getStatusLine()
              .getStatusCode();
        }
      case "okhttp":
        try (okhttp3.Response r =
            new okhttp3.OkHttpClient()
                .newCall(new okhttp3.Request.Builder().url(url).build())
                .execute()) {
          return r.code();
        }
      default:
        throw new IllegalArgumentException(client);
    }
  }
}
