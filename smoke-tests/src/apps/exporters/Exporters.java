import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * An application that exports its spans by OpenTelemetry's own exporter, as its settings say, and
 * calls others by OkHttp. {@code /export} answers once a span was sent; {@code /call?URL} with
 * the status it got.
 */
public final class Exporters {
  private static final OkHttpClient HTTP = new OkHttpClient();

  public static void main(String[] args) throws Exception {
    SdkTracerProvider tracers =
        AutoConfiguredOpenTelemetrySdk.initialize().getOpenTelemetrySdk().getSdkTracerProvider();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newFixedThreadPool(2));
    server.createContext(
        "/export",
        x -> {
          tracers.get("exporters").spanBuilder("work").startSpan().end();
          tracers.forceFlush().join(20, TimeUnit.SECONDS);
          answer(x, "");
        });
    server.createContext(
        "/call",
        x -> {
          Request call = new Request.Builder().url(x.getRequestURI().getQuery()).build();
          try (Response r = HTTP.newCall(call).execute()) {
            answer(x, "" + r.code());
          }
        });
    server.start();
    System.out.println("READY " + server.getAddress().getPort());
  }

  private static void answer(HttpExchange x, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    x.sendResponseHeaders(200, body.length);
    x.getResponseBody().write(body);
    x.close();
  }
}
