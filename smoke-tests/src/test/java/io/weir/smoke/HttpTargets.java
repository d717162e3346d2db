package io.weir.smoke;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** Targets that speak HTTP, in this JVM. */
final class HttpTargets implements Targets {
  private final Certificates certificates = new Certificates(NAME);
  private final Map<String, HttpServer> plain = new TreeMap<>();
  private final Map<String, HttpServer> secure = new TreeMap<>();
  private final Map<String, Http2Server> http2 = new TreeMap<>();
  private final Map<String, AtomicInteger> seen = new ConcurrentHashMap<>();
  private final Map<String, Set<InetSocketAddress>> callers = new ConcurrentHashMap<>();
  private final CountDownLatch end = new CountDownLatch(1);
  private final HttpProxy proxy = new HttpProxy();
  private final WebSocketEcho sockets = new WebSocketEcho();

  HttpTargets() {
    try {
      listen("one", "127.0.0.1", 0, 0, 0);
      listen("two", "127.0.0.2", port(plain), port(secure), http2.get("one").port());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static int port(Map<String, HttpServer> servers) {
    return servers.get("one").getAddress().getPort();
  }

  private void listen(String name, String host, int port, int securePort, int http2Port)
      throws Exception {
    InetAddress address = InetAddress.getByName(host);
    HttpServer server = HttpServer.create(new InetSocketAddress(address, port), 0);
    HttpsServer tls = HttpsServer.create(new InetSocketAddress(address, securePort), 0);
    tls.setHttpsConfigurator(new HttpsConfigurator(certificates.serverContext()));
    for (HttpServer s : List.of(server, tls)) {
      s.setExecutor(
          Executors.newCachedThreadPool(
              r -> {
                Thread t = new Thread(r, "target " + name);
                t.setDaemon(true);
                return t;
              }));
      s.createContext("/", x -> answer(name, x));
      s.start();
    }
    plain.put(name, server);
    secure.put(name, tls);
    http2.put(
        name,
        new Http2Server(
            new InetSocketAddress(address, http2Port),
            (path, said) -> {
              count(path);
              return name + " " + said;
            }));
  }

  private void count(String path) {
    seen.computeIfAbsent(path, p -> new AtomicInteger()).incrementAndGet();
  }

  private void answer(String name, HttpExchange x) throws IOException {
    String path = x.getRequestURI().getPath();
    count(path);
    callers.computeIfAbsent(path, p -> ConcurrentHashMap.newKeySet()).add(x.getRemoteAddress());
    x.getRequestBody().readAllBytes();
    String body =
        said(
            name,
            x.getRequestMethod(),
            x.getRequestURI().toString(),
            n -> x.getRequestHeaders().getFirst(n));
    int status = 200;
    switch (path) {
      case "/500" -> status = 500;
      case "/hang" -> {
        try {
          end.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      case "/half" -> {
        x.sendResponseHeaders(200, 9);
        x.getResponseBody().write("half".getBytes(StandardCharsets.US_ASCII));
        x.getResponseBody().flush();
        throw new IOException("as asked"); // the server drops the connection
      }
      case "/redirect" -> {
        status = 302;
        x.getResponseHeaders().set("Location", "/redirected");
      }
      case "/headers" -> {
        Map<String, List<String>> all = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        all.putAll(x.getRequestHeaders());
        body = name + " " + x.getRequestMethod() + " " + all.toString().toLowerCase(Locale.ROOT);
      }
      default -> {}
    }
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    x.sendResponseHeaders(status, bytes.length);
    x.getResponseBody().write(bytes);
    x.close();
  }

  /** Asks for one header. */
  interface Header {
    String first(String name);
  }

  static String said(String name, String method, String uri, Header header) {
    return name
        + " "
        + method
        + " "
        + uri
        + " host="
        + header.first("Host")
        + " arm="
        + header.first("X-Arm")
        + " caller="
        + header.first("X-Weir-Caller")
        + " canary="
        + header.first("X-Canary");
  }

  private static String address(InetSocketAddress a) {
    return a.getAddress().getHostAddress() + ":" + a.getPort();
  }

  @Override
  public String plain(String instance) {
    return address(plain.get(instance).getAddress());
  }

  @Override
  public String secure(String instance) {
    return address(secure.get(instance).getAddress());
  }

  @Override
  public String http2(String instance) {
    return address(http2.get(instance).address());
  }

  @Override
  public Path trustStore() {
    return certificates.store();
  }

  @Override
  public int seen(String path) {
    AtomicInteger n = seen.get(path);
    return n == null ? 0 : n.get();
  }

  @Override
  public int connections(String path) {
    return callers.getOrDefault(path, Set.of()).size();
  }

  @Override
  public int proxyPort() {
    return proxy.port();
  }

  @Override
  public int proxied() {
    return proxy.served();
  }

  @Override
  public int webSocketPort() {
    return sockets.port();
  }

  @Override
  public void close() {
    end.countDown();
    plain.values().forEach(s -> s.stop(0));
    secure.values().forEach(s -> s.stop(0));
    http2.values().forEach(Http2Server::close);
    proxy.close();
    sockets.close();
  }
}
