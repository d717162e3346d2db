package io.weir.agent.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.weir.control.ControlOptions;
import io.weir.control.ControlPlane;
import io.weir.control.loop.Log;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.gate.ServicePlan;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Two services in this process, on free ports of the loopback address: {@code shop}, which calls
 * {@code payment}, of which v1 and v2 run. What the agent weaves around an application's calls is
 * called here by hand: the JDK's own server and client are no library that Weir governs.
 */
final class DemoShop implements AutoCloseable {
  static {
    // else header and body go in two packets, and the second waits 40 ms for the first's receipt
    System.setProperty("sun.net.httpserver.nodelay", "true");
  }

  /** What a caller saw. */
  static final class Answer {
    final int status;
    final String body;
    final String headers;

    Answer(int status, String body, String headers) {
      this.status = status;
      this.body = body;
      this.headers = headers;
    }
  }

  private final List<HttpServer> servers = new ArrayList<HttpServer>();
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          r -> {
            Thread t = new Thread(r, "demo");
            t.setDaemon(true);
            return t;
          });
  private final Engine engine = new Engine(EngineOptions.of("shop", Ticker.SYSTEM));
  private final ControlPlane plane;
  private final int shop;

  /** While true, payment answers 500. */
  volatile boolean broken;

  /** Calls that reached payment. */
  final AtomicInteger paid = new AtomicInteger();

  /** Ports of payment v1 and v2. */
  final int[] payment = new int[2];

  DemoShop(Path rules, int port) throws IOException {
    for (int i = 0; i < 2; i++) {
      String version = "v" + (i + 1);
      payment[i] =
          serve(
              0,
              x -> {
                paid.incrementAndGet();
                answer(x, broken ? 500 : 200, "paid by payment " + version + "\n");
              });
    }
    shop = serve(port, this::shop);
    plane =
        ControlPlane.start(
            ControlOptions.builder()
                .service("shop")
                .instance("127.0.0.1:" + shop)
                .agentVersion("demo")
                .directory(rules)
                .build(),
            engine::apply,
            Log.NONE);
  }

  private int serve(int port, HttpHandler handler) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.createContext("/", handler);
    server.setExecutor(threads);
    server.start();
    servers.add(server);
    return server.getAddress().getPort();
  }

  String url() {
    return "http://127.0.0.1:" + shop + "/";
  }

  Engine engine() {
    return engine;
  }

  // ---- the way of a call, as the agent's adapters go it

  private void shop(HttpExchange x) throws IOException {
    DescribedCall in = new DescribedCall();
    in.method = x.getRequestMethod();
    in.host = "shop";
    in.target(x.getRequestURI().toString());
    in.clientIp = x.getRemoteAddress().getAddress().getHostAddress();
    for (Map.Entry<String, List<String>> h : x.getRequestHeaders().entrySet()) {
      in.header(h.getKey(), h.getValue().get(0));
    }
    CallDecision decision = engine.newDecision();
    if (!engine.inbound(DescribedCall.INBOUND, in, decision)) {
      decision.refused().headers(decision, x.getResponseHeaders()::set);
      answer(x, decision.refused().status(), decision.refused().description() + "\n");
      return;
    }
    int status = 200;
    try {
      status = pay(x, in);
    } finally {
      decision.outcome().endHttp(status, engine.now());
    }
  }

  private int pay(HttpExchange x, DescribedCall in) throws IOException {
    ServicePlan plan = engine.plan("payment");
    DescribedCall call = new DescribedCall();
    call.host = "payment";
    call.headers = in.headers;
    CallDecision decision = engine.newDecision();
    if (plan != null && !engine.outbound(plan, DescribedCall.OUTBOUND, call, decision)) {
      answer(x, decision.refused().status(), decision.refused().description() + "\n");
      return decision.refused().status();
    }
    int port = decision.instance() == null ? payment[0] : decision.instance().port();
    Answer said = get("http://127.0.0.1:" + port + "/", null);
    if (plan != null) {
      decision.outcome().endHttp(said.status, engine.now());
    }
    answer(x, said.status, said.body);
    return said.status;
  }

  private static void answer(HttpExchange x, int status, String body) throws IOException {
    byte[] b = body.getBytes("UTF-8");
    x.sendResponseHeaders(status, b.length);
    try (OutputStream o = x.getResponseBody()) {
      o.write(b);
    }
  }

  /** A call as anybody would make it. */
  Answer call(@Nullable String canary) throws IOException {
    return get(url(), canary);
  }

  private static Answer get(String url, @Nullable String canary) throws IOException {
    HttpURLConnection c = (HttpURLConnection) new URL(url).openConnection();
    if (canary != null) {
      c.setRequestProperty("X-Canary", canary);
    }
    int status = c.getResponseCode();
    StringBuilder body = new StringBuilder();
    try (InputStream in = status < 400 ? c.getInputStream() : c.getErrorStream()) {
      byte[] b = new byte[1024];
      for (int n; in != null && (n = in.read(b)) > 0; ) {
        body.append(new String(b, 0, n, "UTF-8"));
      }
    }
    String retry = c.getHeaderField("Retry-After");
    return new Answer(status, body.toString(), retry == null ? "" : "Retry-After: " + retry);
  }

  @Override
  public void close() {
    plane.close();
    for (HttpServer s : servers) {
      s.stop(0);
    }
    threads.shutdownNow();
  }
}
