package io.weir.instrumentation.okhttp.adapter;

import com.sun.net.httpserver.HttpServer;
import io.weir.bootstrap.Bridge;
import io.weir.engine.breaker.CircuitBreaker;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.Rule;
import io.weir.engine.rules.RuleBook;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import okhttp3.Call;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.Okio;
import okio.Source;

/** A real server, a real client and a real engine; only the weaving is done by hand. */
final class Rig implements AutoCloseable {
  /** The service of all calls is the server's host. */
  static final String SERVICE = "127.0.0.1";

  /** Clock of the engine: the JVM's, plus what a test adds. */
  final AtomicLong ahead = new AtomicLong();

  final Engine engine =
      new Engine(EngineOptions.of("test", (Ticker) () -> System.nanoTime() + ahead.get()));
  final NewCallHook hook = new NewCallHook(engine);
  final AtomicInteger served = new AtomicInteger();
  final HttpServer server;
  OkHttpClient client = new OkHttpClient();

  Rig() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext(
        "/",
        x -> {
          served.incrementAndGet();
          String path = x.getRequestURI().getPath();
          byte[] body = ("you sent " + path).getBytes(StandardCharsets.UTF_8);
          if (path.startsWith("/302")) {
            x.getResponseHeaders().set("Location", "/a");
          }
          x.sendResponseHeaders(
              path.startsWith("/5") ? 500 : path.startsWith("/302") ? 302 : 200, body.length);
          x.getResponseBody().write(body);
          x.close();
        });
    server.start();
  }

  Rig rules(Rule... rules) {
    RuleBook.Builder book = new RuleBook.Builder();
    for (Rule r : rules) {
      book.add(r);
    }
    engine.apply(book.build());
    return this;
  }

  /** With one instance, which is where calls go anyway. */
  Instance instance(int port) {
    Instance i = new Instance(SERVICE, "127.0.0.1", port, null, null, null, Map.of(), 100, "http");
    engine.apply(new RuleBook.Builder().instance(i).build());
    return i;
  }

  /** From now on bodies are opened as the woven constructor of OkHttp's has it. */
  Rig weaveBodies() {
    BodyHook woven = new BodyHook(engine);
    client =
        client
            .newBuilder()
            .addNetworkInterceptor(
                chain -> {
                  Response r = chain.proceed(chain.request());
                  ResponseBody b = r.body();
                  Object watched = woven.enter(this, b.source(), null, null);
                  return watched == null
                      ? r
                      : r.newBuilder()
                          .body(
                              ResponseBody.create(
                                  b.contentType(),
                                  b.contentLength(),
                                  Okio.buffer((Source) watched)))
                          .build();
                })
            .build();
    return this;
  }

  int port() {
    return server.getAddress().getPort();
  }

  Request request(String path) {
    return request(port(), path);
  }

  static Request request(int port, String path) {
    return new Request.Builder().url("http://127.0.0.1:" + port + path).build();
  }

  /** As the woven {@code client.newCall}. */
  Call call(Request request) {
    Object state = hook.enter(client, request, null, null);
    return (Call) Bridge.instead(state, null);
  }

  Call call(String path) {
    return call(request(path));
  }

  CircuitBreaker breaker() {
    return engine.plan(SERVICE).breakers().all().get(0);
  }

  /** Accepts, reads a little, and does as told; one connection at a time. */
  static ServerSocket peer(Behaviour behaviour) throws IOException {
    ServerSocket s = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread t =
        new Thread(
            () -> {
              while (!s.isClosed()) {
                try (Socket c = s.accept()) {
                  c.getInputStream().read(new byte[4096]);
                  behaviour.on(c, c.getOutputStream());
                } catch (IOException | InterruptedException gone) {
                  // the next one
                }
              }
            },
            "peer");
    t.setDaemon(true);
    t.start();
    return s;
  }

  interface Behaviour {
    void on(Socket socket, OutputStream out) throws IOException, InterruptedException;
  }

  static int closedPort() throws IOException {
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return s.getLocalPort();
    }
  }

  @Override
  public void close() {
    client.dispatcher().executorService().shutdownNow();
    client.connectionPool().evictAll();
    server.stop(0);
  }
}
