package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import com.sun.tools.attach.VirtualMachine;
import io.weir.smoke.Matrix.Cell;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/**
 * OkHttp clients under the agent: one JVM per cell, servers in this one. What needs no weaving is
 * proven in the instrumentation's own tests.
 */
class OkHttpTest {
  private static final String OPTIONS = "service=shop;rules=%s";

  @TestFactory
  Stream<DynamicNode> okHttp() {
    return Matrix.cells("okhttp").stream().map(cell -> promises(new Shop(cell)));
  }

  private static DynamicNode promises(Shop shop) {
    boolean knowsItsCall = !shop.cell.name().startsWith("okhttp-3.3");
    return dynamicContainer(
        shop.cell.toString(),
        Stream.of(
                promise("starts", shop::start),
                promise("without a rule a call is untouched", shop::untouched),
                promise("a limit on this side refuses, sync and async", shop::limited),
                promise("server errors open the breaker", shop::broken),
                promise("a rule may throw", shop::throwing),
                promise("a routed call lands where its headers say", shop::routed),
                promise("pooled connections never mix instances on one port", shop::pooled),
                promise("https to an instance keeps name and certificate", shop::secure),
                promise("a refused connection is a failure", shop::gone),
                promise("a read timeout is a failure", shop::silent),
                promise("a cancelled call is none", shop::cancelled),
                promise("a body that breaks off is a failure", shop::half),
                knowsItsCall ? promise("the answer is OkHttp's own", shop::same) : null,
                knowsItsCall ? promise("a route's timeout ends a call", shop::deadline) : null,
                promise("a service that asks who calls is told, and no other", shop::tellsWho),
                promise("enqueued calls that wait hold no thread", shop::paced),
                promise("a waiting call that is cancelled gives its place back", shop::givesBack),
                shop.cell.name().startsWith("okhttp-3.3")
                    ? null
                    : promise("a waiting call ends with its call timeout", shop::timesOut),
                promise("nothing of ours failed; ends", shop::end))
            .filter(p -> p != null));
  }

  private static DynamicNode promise(String text, Executable proof) {
    return dynamicTest(text, proof);
  }

  @TestFactory
  Stream<DynamicNode> lateAttach() {
    return Matrix.cells("okhttp").stream()
        .map(
            cell ->
                dynamicTest(
                    "a client made before the agent came is governed: " + cell,
                    () -> attach(new Shop(cell))));
  }

  private static void attach(Shop shop) throws Throwable {
    try (shop) {
      shop.jvm = shop.app().start();
      String url = "http://127.0.0.1:" + shop.one.getAddress().getPort() + "/a";
      shop.rules.put("service/127.0.0.1/circuit-breaker", "{\"force\": \"open\"}");
      assertThat(shop.call("execute", url)).contains("status=200");
      VirtualMachine vm = VirtualMachine.attach(Long.toString(shop.jvm.pid()));
      try {
        vm.loadAgent(Work.weirJar().toString(), String.format(OPTIONS, shop.rules.location()));
      } finally {
        vm.detach();
      }
      Await.until(
          Duration.ofSeconds(30),
          () -> shop.call("execute", url).contains("status=503"),
          shop.jvm::told);
      assertThat(shop.jvm.stderr()).noneMatch(l -> l.contains("fail-open"));
    }
  }

  /** The application of one cell, the servers it calls and the rules it obeys. */
  private static final class Shop implements AutoCloseable {
    private static final String[] FAILING_ONCE = {"gone", "silent", "quiet", "half"};

    final Cell cell;
    final Rules rules = new Rules();
    final HttpServer one;
    private final HttpServer two;
    private final ServerSocket silent;
    private final ServerSocket half;
    private final AtomicInteger asked = new AtomicInteger();
    private HttpServer secureOne;
    private HttpServer secureTwo;
    private Path keys;
    Jvm jvm;
    private int ids;

    Shop(Cell cell) {
      this.cell = cell;
      try {
        one = listen(HttpServer.create(address("127.0.0.1", 0), 0), "one");
        two = listen(HttpServer.create(address("127.0.0.2", one.getAddress().getPort()), 0), "two");
        silent =
            peer(
                s -> {
                  asked.incrementAndGet();
                  s.getInputStream().read();
                });
        half =
            peer(
                s ->
                    s.getOutputStream()
                        .write(
                            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
                                .getBytes(StandardCharsets.US_ASCII)));
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    Jvm.Builder app() {
      String jars = cell.classpath();
      return Jvm.of(
          cell.jdk(), Apps.with(Apps.compile("okhttp", jars, Map.of()), jars), "OkHttpApp");
    }

    void start() throws Exception {
      keys = certificate();
      secureOne = listen(secure("127.0.0.1", 0), "secure-one");
      secureTwo = listen(secure("127.0.0.2", secureOne.getAddress().getPort()), "secure-two");
      rules.put("service/probe/rate-limit", "{\"qps\": 0, \"side\": \"client\"}");
      rules.put(
          "service/limited/rate-limit",
          "{\"qps\": 0.001, \"burst\": 2, \"side\": \"client\", \"id\": \"l1\"}");
      instance("limited", one, "v1");
      rules.put(
          "service/broken/circuit-breaker",
          "{\"window\": {\"type\": \"count\", \"size\": 3}, \"failure_ratio\": 0.5,"
              + " \"min_seconds\": 0}");
      instance("broken", one, "v1");
      rules.put(
          "service/throwing/circuit-breaker",
          "{\"force\": \"open\", \"response\": {\"throw\": true}}");
      for (String service : FAILING_ONCE) {
        rules.put(
            "service/" + service + "/circuit-breaker",
            "{\"consecutive_failures\": 1, \"min_seconds\": 0}");
      }
      instance("gone", "127.0.0.1:" + closedPort(), "v1");
      instance("silent", "127.0.0.1:" + silent.getLocalPort(), "v1");
      instance("quiet", "127.0.0.1:" + silent.getLocalPort(), "v1");
      instance("half", "127.0.0.1:" + half.getLocalPort(), "v1");
      for (String service : List.of("pay", "secure-pay")) {
        rules.put(
            "service/" + service + "/route",
            """
            routes:
              - match: "header:X-Canary == 'true'"
                to: [{version: v2, weight: 100}]
                set_headers: {X-Arm: canary}
            default: [{version: v1}]
            """);
      }
      instance("pay", one, "v1");
      instance("pay", two, "v2");
      instance("secure-pay", secureOne, "v1");
      instance("secure-pay", secureTwo, "v2");
      rules.put(
          "service/hasty/route",
          """
          routes:
            - match: "method == 'GET'"
              to: [{version: v1, weight: 1}]
              timeout_ms: 300
          default: [{version: v1}]
          """);
      instance("hasty", "127.0.0.1:" + silent.getLocalPort(), "v1");
      rules.put(
          "service/hasty-one/route",
          "routes: [{match: \"method == 'GET'\", to: [{version: v1}], timeout_ms: 60000}]");
      instance("hasty-one", one, "v1");
      rules.put(
          "service/paced/rate-limit",
          "{\"qps\": 40, \"burst\": 1, \"max_wait_ms\": 60000, \"side\": \"client\"}");
      instance("paced", one, "v1");
      rules.put("service/asking/rate-limit", "{\"qps\": 100, \"by\": [\"caller\"]}");
      instance("asking", one, "v1");
      for (String service : List.of("patient-aside", "patient-enqueue", "patient-timeout")) {
        // one call at once, and room in the line for one more
        rules.put(
            "service/" + service + "/rate-limit",
            "{\"qps\": 0.002, \"burst\": 1, \"max_wait_ms\": 600000, \"side\": \"client\"}");
        instance(service, one, "v1");
      }
      jvm =
          app()
              .weir(String.format(OPTIONS, rules.location()))
              .options(
                  "-Djavax.net.ssl.trustStore=" + keys,
                  "-Djavax.net.ssl.trustStorePassword=changeit")
              .start();
      Await.until(
          Duration.ofSeconds(30),
          () -> call("execute", "http://probe/").contains("status=429"),
          jvm::told);
    }

    void untouched() {
      String url = "http://127.0.0.1:" + one.getAddress().getPort() + "/a?b=c";
      assertThat(call("execute", url))
          .isEqualTo(
              "status=200 rejected=null url="
                  + url
                  + " body=one GET /a?b=c host=127.0.0.1:"
                  + one.getAddress().getPort()
                  + " arm=null");
    }

    void limited() {
      assertThat(call("execute", "http://limited/a")).startsWith("status=200 ");
      assertThat(call("enqueue", "http://limited/b")).startsWith("status=200 ");
      for (String how : List.of("execute", "enqueue")) {
        assertThat(call(how, "http://limited/c"))
            .startsWith("status=429 rejected=")
            .contains(" url=http://limited/c body={")
            .contains("quota-exceeded");
      }
    }

    void broken() {
      for (int i = 0; i < 3; i++) {
        assertThat(call(i == 1 ? "enqueue" : "execute", "http://broken/500"))
            .startsWith("status=500 rejected=null");
      }
      assertThat(call("execute", "http://broken/a")).startsWith("status=503 rejected=default");
      assertThat(call("enqueue", "http://broken/a")).startsWith("status=503 rejected=default");
    }

    void throwing() {
      for (String how : List.of("execute", "enqueue")) {
        assertThat(call(how, "http://throwing/"))
            .startsWith("threw=java.io.IOException call to throwing refused by Weir");
      }
    }

    void routed() {
      assertThat(call("execute", "http://pay/x?y=1"))
          .isEqualTo(
              "status=200 rejected=null url=http://pay/x?y=1 body=one GET /x?y=1 host=pay"
                  + " arm=null");
      assertThat(call("enqueue", "http://pay/x", "X-Canary=true"))
          .isEqualTo(
              "status=200 rejected=null url=http://pay/x body=two GET /x host=pay arm=canary");
    }

    /** Both instances listen on the same port, at 127.0.0.1 and 127.0.0.2. */
    void pooled() {
      for (int i = 0; i < 6; i++) {
        assertThat(call("execute", "http://pay/x")).contains(" body=one ");
        assertThat(call("execute", "http://pay/x", "X-Canary=true")).contains(" body=two ");
      }
    }

    void secure() {
      for (int i = 0; i < 2; i++) {
        assertThat(call("execute", "https://secure-pay/x"))
            .contains("status=200")
            .contains(" url=https://secure-pay/x body=secure-one ")
            .contains("host=secure-pay");
        assertThat(call("enqueue", "https://secure-pay/x", "X-Canary=true"))
            .contains(" body=secure-two ");
      }
    }

    void gone() {
      assertThat(call("execute", "http://gone/")).startsWith("threw=java.net.ConnectException");
      assertThat(call("execute", "http://gone/")).startsWith("status=503 rejected=default");
    }

    void silent() {
      assertThat(call("execute", "http://silent/", "readTimeout=200"))
          .startsWith("threw=java.net.SocketTimeoutException");
      assertThat(call("execute", "http://silent/")).startsWith("status=503 rejected=default");
    }

    void cancelled() {
      for (int i = 0; i < 2; i++) {
        int before = asked.get();
        String id = say("enqueue", "http://quiet/");
        Await.until(Duration.ofSeconds(30), () -> asked.get() > before, jvm::told);
        jvm.say(id + " cancel");
        assertThat(told(id)).startsWith("threw=");
      }
    }

    void half() {
      assertThat(call("execute", "http://half/")).startsWith("threw=java.net.ProtocolException");
      assertThat(call("execute", "http://half/")).startsWith("status=503 rejected=default");
    }

    void same() {
      assertThat(call("same", "http://pay/x")).isEqualTo("same=true status=200");
      assertThat(call("same", "http://hasty-one/x"))
          .as("a deadline has to show in what reading throws")
          .isEqualTo("same=false status=200");
    }

    void deadline() {
      assertThat(call("execute", "http://hasty/"))
          .isEqualTo("threw=java.io.InterruptedIOException timeout: the route allows 300 ms");
    }

    void tellsWho() {
      assertThat(call("execute", "http://asking/x")).endsWith(" arm=null caller=shop");
      assertThat(call("enqueue", "http://asking/x", "X-Weir-Caller=me")).endsWith(" caller=me");
      assertThat(call("execute", "http://pay/x")).endsWith(" arm=null");
    }

    /** Four threads, 24 calls that wait, and the client still makes others. */
    void paced() {
      List<String> waiting = new ArrayList<>();
      long began = System.nanoTime();
      for (int i = 0; i < 24; i++) {
        waiting.add(say("enqueue", "http://paced/" + i, "fourThreads=true"));
      }
      String other =
          say("enqueue", "http://127.0.0.1:" + one.getAddress().getPort(), "fourThreads=true");
      assertThat(told(other)).startsWith("status=200 ");
      List<String> soFar = jvm.stdout();
      assertThat(
              waiting.stream().filter(id -> soFar.stream().anyMatch(l -> l.startsWith(id + " "))))
          .as("the one that need not wait came back before they were through")
          .hasSizeLessThan(24);
      for (String id : waiting) {
        assertThat(told(id)).startsWith("status=200 ");
      }
      assertThat(System.nanoTime() - began).isGreaterThan(23 * 1_000_000_000L / 40);
    }

    void givesBack() {
      for (String how : List.of("aside", "enqueue")) {
        if (how.equals("aside") && cell.name().startsWith("okhttp-3.3")) {
          continue; // there a call that waits on its thread does not notice
        }
        String url = "http://patient-" + how + "/";
        assertThat(call(how, url)).startsWith("status=200 ");
        for (int i = 0; i < 3; i++) {
          String waiting = oneOfTwoWaits(how, url);
          jvm.say(waiting + " cancel");
          assertThat(told(waiting)).isEqualTo("threw=java.io.IOException Canceled");
        }
      }
    }

    void timesOut() {
      String url = "http://patient-timeout/";
      assertThat(call("enqueue", url)).startsWith("status=200 ");
      for (int i = 0; i < 3; i++) {
        assertThat(told(oneOfTwoWaits("enqueue", url, "callTimeout=200")))
            .isEqualTo("threw=java.io.InterruptedIOException timeout");
      }
    }

    /**
     * There is room for one: the other is refused. Nobody would wait had it not been given back.
     */
    private String oneOfTwoWaits(String how, String url, String... options) {
      String a = say(how, url, options);
      String b = say(how, url, options);
      String[] refused = new String[1];
      Await.until(
          Duration.ofSeconds(30),
          () ->
              jvm.stdout().stream()
                  .anyMatch(
                      l -> {
                        refused[0] = l.split(" ")[0];
                        return l.matches("(" + a + "|" + b + ") status=429 .*");
                      }),
          jvm::told);
      return refused[0].equals(a) ? b : a;
    }

    void end() {
      try (this) {
        assertThat(jvm.isAlive()).isTrue();
        assertThat(jvm.complaints()).isEmpty();
      }
    }

    /** What became of a call. */
    String call(String how, String url, String... options) {
      return told(say(how, url, options));
    }

    private String say(String how, String url, String... options) {
      String id = "c" + ++ids;
      jvm.say(id + " " + how + " " + url + " " + String.join(" ", options));
      return id;
    }

    private String told(String id) {
      return jvm.awaitStdout(id + " ").substring(id.length() + 1);
    }

    private void instance(String service, HttpServer server, String version) {
      instance(
          service,
          server.getAddress().getAddress().getHostAddress() + ":" + server.getAddress().getPort(),
          version);
    }

    private void instance(String service, String address, String version) {
      rules.put(
          "services/" + service + "/instances/" + address, "{\"version\": \"" + version + "\"}");
    }

    @Override
    public void close() {
      if (jvm != null) {
        jvm.close();
      }
      for (HttpServer s : new HttpServer[] {one, two, secureOne, secureTwo}) {
        if (s != null) {
          s.stop(0);
        }
      }
      try {
        silent.close();
        half.close();
      } catch (IOException gone) {
        // as intended
      }
    }

    private HttpServer secure(String host, int port) throws Exception {
      KeyStore store = KeyStore.getInstance("PKCS12");
      try (InputStream in = Files.newInputStream(keys)) {
        store.load(in, "changeit".toCharArray());
      }
      KeyManagerFactory managers =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      managers.init(store, "changeit".toCharArray());
      SSLContext tls = SSLContext.getInstance("TLS");
      tls.init(managers.getKeyManagers(), null, null);
      HttpsServer server = HttpsServer.create(address(host, port), 0);
      server.setHttpsConfigurator(new HttpsConfigurator(tls));
      return server;
    }

    /** A self-made certificate for the service's name, and for nothing else. */
    private static Path certificate() throws Exception {
      Path store = Work.fresh("keys").resolve("keys.p12");
      Process keytool =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                  "-genkeypair",
                  "-alias",
                  "pay",
                  "-keyalg",
                  "EC",
                  "-dname",
                  "CN=secure-pay",
                  "-ext",
                  "san=dns:secure-pay",
                  "-storetype",
                  "PKCS12",
                  "-storepass",
                  "changeit",
                  "-keystore",
                  store.toString())
              .redirectErrorStream(true)
              .start();
      String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(keytool.waitFor()).as(said).isZero();
      return store;
    }
  }

  private static InetSocketAddress address(String host, int port) throws IOException {
    return new InetSocketAddress(InetAddress.getByName(host), port);
  }

  private static HttpServer listen(HttpServer server, String name) {
    server.setExecutor(
        Executors.newCachedThreadPool(
            r -> {
              Thread t = new Thread(r, name);
              t.setDaemon(true);
              return t;
            }));
    server.createContext(
        "/",
        x -> {
          byte[] body =
              (name
                      + " "
                      + x.getRequestMethod()
                      + " "
                      + x.getRequestURI()
                      + " host="
                      + x.getRequestHeaders().getFirst("Host")
                      + " arm="
                      + x.getRequestHeaders().getFirst("X-Arm")
                      + (x.getRequestHeaders().containsKey("X-Weir-Caller")
                          ? " caller=" + x.getRequestHeaders().getFirst("X-Weir-Caller")
                          : ""))
                  .getBytes(StandardCharsets.UTF_8);
          x.sendResponseHeaders(
              x.getRequestURI().getPath().equals("/500") ? 500 : 200, body.length);
          try (OutputStream out = x.getResponseBody()) {
            out.write(body);
          }
        });
    server.start();
    return server;
  }

  private interface Behaviour {
    void on(Socket socket) throws IOException;
  }

  /** A server that reads a request's first bytes and then behaves badly. */
  private static ServerSocket peer(Behaviour behaviour) throws IOException {
    ServerSocket server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    Thread t =
        new Thread(
            () -> {
              while (!server.isClosed()) {
                try {
                  Socket s = server.accept();
                  Thread each =
                      new Thread(
                          () -> {
                            try (s) {
                              s.getInputStream().read(new byte[4096]);
                              behaviour.on(s);
                            } catch (IOException gone) {
                              // as intended
                            }
                          },
                          "bad peer's connection");
                  each.setDaemon(true);
                  each.start();
                } catch (IOException closed) {
                  return;
                }
              }
            },
            "bad peer");
    t.setDaemon(true);
    t.start();
    return server;
  }

  private static int closedPort() throws IOException {
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      return s.getLocalPort();
    }
  }
}
