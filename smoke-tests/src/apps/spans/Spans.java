import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.EventData;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.ServletException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import okhttp3.OkHttpClient;
import okhttp3.Response;
import org.apache.catalina.connector.Request;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.valves.ValveBase;

/**
 * An application that traces by itself, with an OpenTelemetry SDK of its own: a span for each
 * request, begun before any filter, and one around each call to b. It prints every span that ends.
 */
public final class Spans {
  private static final Logger QUIET = Logger.getLogger("org.apache");

  public static void main(String[] args) throws Exception {
    QUIET.setLevel(Level.SEVERE);
    OpenTelemetrySdk.builder()
        .setTracerProvider(SdkTracerProvider.builder().addSpanProcessor(new Printer()).build())
        .buildAndRegisterGlobal();
    Tracer tracer = GlobalOpenTelemetry.getTracer("the-application");
    HttpServer b =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    b.createContext(
        "/",
        x -> {
          x.sendResponseHeaders(204, -1);
          x.close();
        });
    b.start();
    String base = Files.createTempDirectory("spans").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    org.apache.catalina.Context context = tomcat.addContext("", base);
    context.getPipeline().addValve(new Traced(tracer));
    Tomcat.addServlet(context, "all", new Caller(tracer));
    context.addServletMappingDecoded("/*", "all");
    tomcat.start();
    System.out.println("B " + b.getAddress().getPort());
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    tomcat.getServer().await();
  }

  private static final class Traced extends ValveBase {
    private final Tracer tracer;

    Traced(Tracer tracer) {
      this.tracer = tracer;
    }

    @Override
    public void invoke(Request request, org.apache.catalina.connector.Response response)
        throws IOException, ServletException {
      Span span = tracer.spanBuilder("serve " + request.getRequestURI()).startSpan();
      try (Scope current = span.makeCurrent()) {
        getNext().invoke(request, response);
      } finally {
        span.end();
      }
    }
  }

  private static final class Caller extends HttpServlet {
    private final Tracer tracer;
    private final OkHttpClient http = new OkHttpClient();

    Caller(Tracer tracer) {
      this.tracer = tracer;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      if (!request.getRequestURI().equals("/call")) {
        return;
      }
      Span span = tracer.spanBuilder("call b").startSpan();
      try (Scope current = span.makeCurrent();
          Response r =
              http.newCall(new okhttp3.Request.Builder().url("http://b/").build()).execute()) {
        response.setStatus(r.code());
      } finally {
        span.end();
      }
    }
  }

  private static final class Printer implements SpanProcessor {
    @Override
    public void onStart(Context parent, ReadWriteSpan span) {}

    @Override
    public boolean isStartRequired() {
      return false;
    }

    @Override
    public void onEnd(ReadableSpan span) {
      StringBuilder s = new StringBuilder("SPAN " + span.getName());
      s.append(" ").append(sorted(span.toSpanData().getAttributes()));
      for (EventData e : span.toSpanData().getEvents()) {
        s.append(" EVENT ").append(e.getName()).append(' ').append(sorted(e.getAttributes()));
      }
      System.out.println(s);
    }

    @Override
    public boolean isEndRequired() {
      return true;
    }

    private static TreeMap<String, Object> sorted(Attributes attributes) {
      TreeMap<String, Object> all = new TreeMap<>();
      attributes.forEach((key, value) -> all.put(key.getKey(), value));
      return all;
    }
  }
}
