import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;

/** Since 3.5. */
final class Sockets {
  private Sockets() {}

  static String talk(OkHttpClient client, String url, String text) throws Exception {
    CompletableFuture<String> said = new CompletableFuture<>();
    CompletableFuture<String> closed = new CompletableFuture<>();
    WebSocket socket =
        client.newWebSocket(
            new Request.Builder().url(url).build(),
            new WebSocketListener() {
              @Override
              public void onMessage(WebSocket webSocket, String message) {
                said.complete(message);
              }

              @Override
              public void onClosed(WebSocket webSocket, int code, String reason) {
                closed.complete("closed " + code);
              }

              @Override
              public void onFailure(WebSocket webSocket, Throwable t, Response response) {
                said.complete("failed " + t);
                closed.complete("failed " + t);
              }
            });
    socket.send(text);
    String answer = said.get(30, TimeUnit.SECONDS);
    socket.close(1000, "");
    return answer + ", " + closed.get(30, TimeUnit.SECONDS);
  }
}
