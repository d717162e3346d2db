import com.alibaba.csp.sentinel.Entry;
import com.alibaba.csp.sentinel.EntryType;
import com.alibaba.csp.sentinel.SphU;
import com.alibaba.csp.sentinel.Tracer;
import com.alibaba.csp.sentinel.slots.block.BlockException;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRule;
import com.alibaba.csp.sentinel.slots.block.degrade.DegradeRuleManager;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRule;
import com.alibaba.csp.sentinel.slots.block.flow.FlowRuleManager;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.FilterDef;
import org.apache.tomcat.util.descriptor.web.FilterMap;

/**
 * What the agent costs a whole process: CPU seconds per 100 000 requests, bare and governed in turn.
 *
 * <p>All processes of a row run side by side and get slices of the same load one after the other, so
 * a slow minute of the machine falls on all of them; in an order that is drawn anew for each round,
 * because what ran right before leaves its traces: always third of four was up to 7 percent dearer.
 * Each process's CPU time (all threads, also its compilers and collectors) is read from /proc before
 * and after its slice. The slices are short, a fifth of a second or so, and one differs from the next
 * by 14 percent with gRPC; a process's figure is the mean of their middle half.
 *
 * <p>Two processes of one program differ for as long as they live: in what was compiled how, and in
 * what lies beside what in memory, by several percent here, more than anything that is measured. So
 * all of it is done again with fresh processes, START after START, started in an order drawn by lot.
 * What is printed is the mean over the starts of the ratio to the two bare processes of the same
 * start, and its standard error; the second bare process beside the first tells how much of a ratio
 * is chance.
 *
 * <p>One file, many roles: without the agent on the class path, as an application has it.
 */
public final class EndToEnd {
  private static final byte[] PAGE = "0123456789abcdef".repeat(64).getBytes(StandardCharsets.US_ASCII);

  private EndToEnd() {}

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "tomcat" -> tomcat(args.length > 1 ? args[1] : "bare");
      case "grpc-server" -> grpcServer();
      case "http-load" -> work(EndToEnd::httpLoad);
      case "grpc-client" ->
          work(grpcClient(Integer.parseInt(args[1]), args.length > 2 ? args[2] : "bare"));
      case "okhttp-client" -> work(okhttpClient(Integer.parseInt(args[1])));
      default -> direct(args);
    }
  }

  // ---- the measured applications

  private static void tomcat(String filter) throws Exception {
    Path base = Files.createTempDirectory("endtoend");
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base.toString());
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat.getConnector().setProperty("maxKeepAliveRequests", "-1");
    Context context = tomcat.addContext("", base.toString());
    Tomcat.addServlet(
        context,
        "page",
        new HttpServlet() {
          @Override
          protected void doGet(HttpServletRequest request, HttpServletResponse response)
              throws IOException {
            response.setContentType("text/plain");
            response.setContentLength(PAGE.length);
            response.getOutputStream().write(PAGE);
          }
        });
    context.addServletMappingDecoded("/*", "page");
    if (!filter.equals("bare")) {
      FilterDef def = new FilterDef();
      def.setFilterName(filter);
      def.setFilter(filter.equals("sentinel") ? new Sentinel() : new Resilience());
      context.addFilterDef(def);
      FilterMap map = new FilterMap();
      map.setFilterName(filter);
      map.addURLPattern("/*");
      context.addFilterMap(map);
    }
    tomcat.start();
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    System.in.read(); // until the director lets go
    System.exit(0);
  }

  private static RateLimiterConfig plenty() {
    return RateLimiterConfig.custom()
        .limitForPeriod(10_000_000)
        .limitRefreshPeriod(Duration.ofSeconds(1))
        .timeoutDuration(Duration.ZERO)
        .build();
  }

  /** A limiter and a breaker, as resilience4j's users put them into a filter. */
  private static final class Resilience implements Filter {
    private final RateLimiter limiter = RateLimiter.of("page", plenty());
    private final CircuitBreaker breaker = CircuitBreaker.ofDefaults("page");

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      if (!limiter.acquirePermission() || !breaker.tryAcquirePermission()) {
        ((HttpServletResponse) response).sendError(429);
        return;
      }
      long began = System.nanoTime();
      try {
        chain.doFilter(request, response);
        breaker.onSuccess(System.nanoTime() - began, TimeUnit.NANOSECONDS);
      } catch (IOException | ServletException | RuntimeException e) {
        breaker.onError(System.nanoTime() - began, TimeUnit.NANOSECONDS, e);
        throw e;
      }
    }
  }

  /** A flow rule and a degrade rule on the path, as Sentinel's servlet adapter enters them. */
  private static final class Sentinel implements Filter {
    Sentinel() {
      FlowRule flow = new FlowRule("/");
      flow.setCount(10_000_000);
      FlowRuleManager.loadRules(List.of(flow));
      DegradeRule degrade = new DegradeRule("/");
      degrade.setGrade(1).setCount(0.6).setTimeWindow(60).setMinRequestAmount(20);
      DegradeRuleManager.loadRules(List.of(degrade));
    }

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      Entry entry;
      try {
        entry = SphU.entry("/", EntryType.IN);
      } catch (BlockException refused) {
        ((HttpServletResponse) response).sendError(429);
        return;
      }
      try {
        chain.doFilter(request, response);
      } catch (IOException | ServletException | RuntimeException e) {
        Tracer.traceEntry(e, entry);
        throw e;
      } finally {
        entry.exit();
      }
    }
  }

  private static final MethodDescriptor<byte[], byte[]> ECHO =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("bench.Echo/Echo")
          .setRequestMarshaller(new Bytes())
          .setResponseMarshaller(new Bytes())
          .build();

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static void grpcServer() throws Exception {
    io.grpc.Server server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .addService(
                ServerServiceDefinition.builder("bench.Echo")
                    .addMethod(
                        ECHO,
                        ServerCalls.asyncUnaryCall(
                            (request, answer) -> {
                              answer.onNext(request);
                              answer.onCompleted();
                            }))
                    .build())
            .build()
            .start();
    System.out.println("READY " + server.getPort());
    System.in.read();
    System.exit(0);
  }

  // ---- what makes calls; each slice is one line on stdin: PORT CALLS

  private interface Slice {
    void run(int port, int calls) throws Exception;
  }

  private static void work(Slice slice) throws Exception {
    System.out.println("READY 0");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.split(" ");
      try {
        slice.run(Integer.parseInt(words[0]), Integer.parseInt(words[1]));
        System.out.println("DONE");
      } catch (Exception e) {
        System.out.println("FAILED " + e);
      }
    }
    System.exit(0);
  }

  private static final int CALLERS = 8;
  private static final ExecutorService POOL =
      Executors.newFixedThreadPool(
          CALLERS,
          r -> {
            Thread t = new Thread(r);
            t.setDaemon(true);
            return t;
          });

  private static void inParallel(int calls, Callable<Void> caller) throws Exception {
    List<Future<Void>> all = new ArrayList<>();
    for (int i = 0; i < CALLERS; i++) {
      all.add(POOL.submit(caller));
    }
    for (Future<Void> f : all) {
      f.get();
    }
  }

  private static void httpLoad(int port, int calls) throws Exception {
    inParallel(
        calls,
        () -> {
          try (Socket socket = new Socket("127.0.0.1", port)) {
            socket.setTcpNoDelay(true);
            OutputStream out = socket.getOutputStream();
            InputStream in = socket.getInputStream();
            byte[] request =
                ("GET /api/page?userId=42 HTTP/1.1\r\nHost: page\r\nX-Region: cn-east\r\nAccept: */*\r\n"
                        + "User-Agent: endtoend\r\nCookie: uid=4711\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII);
            byte[] answer = new byte[4096];
            for (int i = 0; i < calls / CALLERS; i++) {
              out.write(request);
              int have = 0;
              int end = -1;
              while (end < 0 || have < end + 4 + PAGE.length) {
                int n = in.read(answer, have, answer.length - have);
                if (n < 0) {
                  throw new IOException("closed");
                }
                have += n;
                end = end >= 0 ? end : headersEnd(answer, have);
              }
              if (answer[9] != '2') {
                throw new IOException(new String(answer, 0, end, StandardCharsets.US_ASCII));
              }
            }
          }
          return null;
        });
  }

  private static int headersEnd(byte[] b, int length) {
    for (int i = 0; i + 3 < length; i++) {
      if (b[i] == '\r' && b[i + 1] == '\n' && b[i + 2] == '\r' && b[i + 3] == '\n') {
        return i;
      }
    }
    return -1;
  }

  /** An interceptor as an application has them: around the call and its answer, with a limiter and a breaker or nothing. */
  private static final class Guarded implements ClientInterceptor {
    private final RateLimiter limiter;
    private final CircuitBreaker breaker;

    Guarded(boolean resilience4j) {
      limiter = resilience4j ? RateLimiter.of("echo", plenty()) : null;
      breaker = resilience4j ? CircuitBreaker.ofDefaults("echo") : null;
    }

    @Override
    public <Q, P> ClientCall<Q, P> interceptCall(
        MethodDescriptor<Q, P> method, CallOptions options, Channel next) {
      if (limiter != null && (!limiter.acquirePermission() || !breaker.tryAcquirePermission())) {
        throw Status.RESOURCE_EXHAUSTED.asRuntimeException();
      }
      long began = limiter == null ? 0 : System.nanoTime();
      return new SimpleForwardingClientCall<Q, P>(next.newCall(method, options)) {
        @Override
        public void start(Listener<P> listener, Metadata headers) {
          super.start(
              new SimpleForwardingClientCallListener<P>(listener) {
                @Override
                public void onClose(Status status, Metadata trailers) {
                  if (limiter != null) {
                    long took = System.nanoTime() - began;
                    if (status.isOk()) {
                      breaker.onSuccess(took, TimeUnit.NANOSECONDS);
                    } else {
                      breaker.onError(took, TimeUnit.NANOSECONDS, status.asRuntimeException());
                    }
                  }
                  super.onClose(status, trailers);
                }
              },
              headers);
        }
      };
    }
  }

  private static Slice grpcClient(int target, String interceptor) {
    NettyChannelBuilder builder = NettyChannelBuilder.forAddress("127.0.0.1", target).usePlaintext();
    if (!interceptor.equals("bare")) {
      builder.intercept(new Guarded(interceptor.equals("resilience4j")));
    }
    Channel channel = builder.build();
    return (port, calls) -> {
      byte[] request = Arrays.copyOf(PAGE, 64);
      inParallel(
          calls,
          () -> {
            for (int i = 0; i < calls / CALLERS; i++) {
              ClientCalls.blockingUnaryCall(channel, ECHO, CallOptions.DEFAULT, request);
            }
            return null;
          });
    };
  }

  private static Slice okhttpClient(int target) {
    OkHttpClient client = new OkHttpClient();
    Request request =
        new Request.Builder()
            .url("http://127.0.0.1:" + target + "/api/page?userId=42")
            .header("X-Region", "cn-east")
            .build();
    return (port, calls) ->
        inParallel(
            calls,
            () -> {
              for (int i = 0; i < calls / CALLERS; i++) {
                try (Response response = client.newCall(request).execute()) {
                  if (response.code() != 200 || response.body().bytes().length != PAGE.length) {
                    throw new IOException("answer " + response.code());
                  }
                }
              }
              return null;
            });
  }

  // ---- the director

  private static final class App {
    final String name;
    final Process process;
    final BufferedReader out;
    final int port;

    /** CPU seconds of each slice. */
    final List<Double> cpu = new ArrayList<>();

    App(String name, List<String> agent, String... role) throws IOException {
      this.name = name;
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("-Xms256m", "-Xmx256m", "-XX:-UseDynamicNumberOfCompilerThreads", "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"), "-Dcsp.sentinel.log.dir=" + System.getProperty("java.io.tmpdir")));
      command.addAll(agent);
      command.addAll(List.of("-cp", System.getProperty("java.class.path"), "EndToEnd"));
      command.addAll(Arrays.asList(role));
      process =
          new ProcessBuilder(command)
              .redirectError(new File(System.getProperty("java.io.tmpdir"), "endtoend-" + (role[0] + " " + name).replaceAll("\\W+", "-") + ".err"))
              .start();
      out = process.inputReader();
      String line = out.readLine();
      while (line != null && !line.startsWith("READY ")) {
        line = out.readLine();
      }
      if (line == null) {
        throw new IOException(name + " did not start");
      }
      port = Integer.parseInt(line.substring(6));
    }

    void slice(int target, int calls) throws IOException {
      OutputStream in = process.getOutputStream();
      in.write((target + " " + calls + "\n").getBytes(StandardCharsets.US_ASCII));
      in.flush();
      String line = out.readLine();
      if (!"DONE".equals(line)) {
        throw new IOException(name + ": " + line);
      }
    }

    /** Of all its threads; none of them ends while it is measured. */
    double cpuSeconds() throws IOException {
      long nanos = 0;
      File[] threads = new File("/proc/" + process.pid() + "/task").listFiles();
      for (File thread : threads) {
        nanos += Long.parseLong(Files.readString(thread.toPath().resolve("schedstat")).split(" ")[0]);
      }
      return nanos / 1e9;
    }
  }

  private static final List<App> STARTED = new ArrayList<>();

  /** Of starts and of slices: who comes after whom must not decide between two columns. */
  private static final Random ORDER = new Random(42);

  private static App start(String name, List<String> agent, String... role) throws IOException {
    App app = new App(name, agent, role);
    STARTED.add(app);
    return app;
  }

  private record Column(String name, List<String> agent, String... role) {}

  /** Starts them in an order drawn by lot; they come back in the order given. */
  private static List<App> startAll(List<Column> columns) throws IOException {
    List<Column> drawn = new ArrayList<>(columns);
    Collections.shuffle(drawn, ORDER);
    Map<Column, App> apps = new HashMap<>();
    for (Column c : drawn) {
      apps.put(c, start(c.name, c.agent, c.role));
    }
    return columns.stream().map(apps::get).toList();
  }

  private static void direct(String[] args) throws Exception {
    String jar = args[0];
    int starts = Integer.parseInt(args[1]);
    int rounds = Integer.parseInt(args[2]);
    int calls = Integer.parseInt(args[3]);
    warmUp = Integer.parseInt(args[4]);
    List<String> rows = Arrays.asList(args).subList(5, args.length);
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> STARTED.forEach(a -> a.process.destroyForcibly())));
    System.out.printf(
        Locale.ROOT,
        "%-58s %14s %10s %16s %18s%n",
        "",
        "CPU s / 100k",
        "over bare",
        "standard error",
        "starts from .. to");
    for (String row : rows) {
      Map<String, List<Double>> all = new LinkedHashMap<>();
      for (int i = 0; i < starts; i++) {
        switch (row) {
          case "tomcat" -> tomcatRow(jar, rounds, calls, all);
          case "grpc-server" -> grpcServerRow(jar, rounds, calls, all);
          case "grpc-client" -> clientRow("gRPC unary echo, client, bare", "grpc-client", "grpc-server", "echo", jar, rounds, calls, all);
          case "okhttp" -> clientRow("OkHttp 4.12 GET 1 KB, client, bare", "okhttp-client", "tomcat", "page", jar, rounds, calls, all);
          default -> throw new IllegalArgumentException("no such row: " + row);
        }
        for (App a : STARTED) {
          a.process.destroyForcibly().waitFor();
        }
        STARTED.clear();
      }
      print(all);
    }
  }

  private static final String LIMIT =
      "[{\"id\": \"users\", \"qps\": 10000000, \"by\": [\"header:X-Region\", \"query:userId\"]},"
          + " {\"id\": \"all\", \"qps\": 10000000, \"match\": \"path startsWith '/'\"}]";

  private static List<String> agent(String jar, String service, Map<String, String> rules)
      throws IOException {
    Path dir = Files.createTempDirectory("endtoend-rules");
    for (Map.Entry<String, String> rule : rules.entrySet()) {
      Path file = dir.resolve(rule.getKey());
      Files.createDirectories(file.getParent());
      Files.writeString(file, rule.getValue());
    }
    return List.of("-javaagent:" + jar + "=service=" + service + ";rules=file:" + dir);
  }

  private static void tomcatRow(String jar, int rounds, int calls, Map<String, List<Double>> all) throws Exception {
    List<Column> columns = new ArrayList<>();
    columns.add(new Column("Tomcat 9, 1 KB, bare", List.of(), "tomcat"));
    columns.add(new Column("  bare again (chance)", List.of(), "tomcat"));
    columns.add(new Column("  Weir, no rules", agent(jar, "page", Map.of()), "tomcat"));
    columns.add(
        new Column(
            "  Weir, a keyed and a global limit",
            agent(jar, "page", Map.of("service/page/rate-limit.json", LIMIT)),
            "tomcat"));
    columns.add(
        new Column(
            "  Weir, a global limit  ",
            agent(jar, "page", Map.of("service/page/rate-limit.json", "{\"qps\": 10000000}")),
            "tomcat"));
    columns.add(new Column("  resilience4j limiter + breaker in a filter", List.of(), "tomcat", "resilience4j"));
    columns.add(new Column("  Sentinel flow + degrade in a filter", List.of(), "tomcat", "sentinel"));
    List<App> apps = startAll(columns);
    App load = start("load", List.of(), "http-load");
    measure(apps, rounds, app -> load.slice(app.port, calls), calls, all);
  }

  private static void grpcServerRow(String jar, int rounds, int calls, Map<String, List<Double>> all) throws Exception {
    List<Column> columns = new ArrayList<>();
    columns.add(new Column("gRPC unary echo, server, bare", List.of(), "grpc-server"));
    columns.add(new Column("  bare again (chance)", List.of(), "grpc-server"));
    columns.add(new Column("  Weir, no rules", agent(jar, "echo", Map.of()), "grpc-server"));
    columns.add(
        new Column(
            "  Weir, a global limit",
            agent(jar, "echo", Map.of("service/echo/rate-limit.json", "{\"qps\": 10000000}")),
            "grpc-server"));
    List<App> apps = startAll(columns);
    Map<App, App> loads = new LinkedHashMap<>();
    for (App app : apps) {
      loads.put(app, start("load", List.of(), "grpc-client", String.valueOf(app.port)));
    }
    measure(apps, rounds, app -> loads.get(app).slice(0, calls), calls, all);
  }

  /** Limit on the client's side, breaker and route on every call. */
  private static Map<String, String> outbound(String service, int port) {
    Map<String, String> rules = new LinkedHashMap<>();
    String base = "service/" + service + "/";
    rules.put(base + "rate-limit.json", "{\"qps\": 10000000, \"side\": \"client\"}");
    rules.put(base + "circuit-breaker.json", "{\"failure_ratio\": 0.6}");
    rules.put(
        base + "route.yaml",
        "routes:\n"
            + "  - match: \"header:X-Canary == 'true'\"\n"
            + "    to: [{version: v2}]\n"
            + "default: [{version: v1}]\n");
    rules.put(
        "services/" + service + "/instances/127.0.0.1:" + port + ".json", "{\"version\": \"v1\"}");
    return rules;
  }

  /**
   * @param role what each client is started as
   * @param called the role of the server it calls
   * @param service the name that rules know the server by
   */
  private static void clientRow(
      String title, String role, String called, String service, String jar, int rounds, int calls, Map<String, List<Double>> all)
      throws Exception {
    // one event loop: with two, every other client cost 5 percent less than its neighbour, bare or not
    App server =
        start(service, List.of("-Dio.grpc.netty.shaded.io.netty.eventLoopThreads=1"), called);
    String port = String.valueOf(server.port);
    List<Column> columns = new ArrayList<>();
    columns.add(new Column(title, List.of(), role, port));
    columns.add(new Column("  bare again (chance)", List.of(), role, port));
    columns.add(new Column("  Weir, no rules", agent(jar, "me", Map.of()), role, port));
    columns.add(
        new Column(
            "  Weir, limit, breaker and route",
            mapped(agent(jar, "me", outbound(service, server.port)), service, server.port),
            role,
            port));
    if (role.equals("grpc-client")) {
      columns.add(new Column("  an interceptor that does nothing", List.of(), role, port, "nothing"));
      columns.add(
          new Column("  resilience4j limiter + breaker in an interceptor", List.of(), role, port, "resilience4j"));
    }
    List<App> apps = startAll(columns);
    measure(apps, rounds, app -> app.slice(0, calls), calls, all);
  }

  private static List<String> mapped(List<String> agent, String service, int port) {
    return List.of(agent.get(0) + ";services." + service + "=127.0.0.1:" + port);
  }

  private interface Load {
    void on(App app) throws IOException;
  }

  /**
   * Calls made before a process is measured. A process that serves for days is meant, and start-up
   * has rows of its own: after 120 000 calls the compilers still take 1.5 to 5 % of an OkHttp
   * client's CPU time, and until its sixteenth collection or so the JVM copies at each of them what
   * the agent made when it began (another 0.5 %).
   */
  private static int warmUp;

  private static void measure(
      List<App> apps, int rounds, Load load, int calls, Map<String, List<Double>> all)
      throws IOException {
    List<App> turn = new ArrayList<>(apps);
    for (int i = 0; i < warmUp / calls; i++) {
      Collections.shuffle(turn, ORDER);
      for (App app : turn) {
        load.on(app);
      }
    }
    for (int i = 0; i < rounds; i++) {
      Collections.shuffle(turn, ORDER);
      for (App app : turn) {
        double before = app.cpuSeconds();
        load.on(app);
        app.cpu.add(app.cpuSeconds() - before);
      }
    }
    StringBuilder told = new StringBuilder();
    for (App app : apps) {
      double seconds = middle(app.cpu) * 100_000 / calls;
      all.computeIfAbsent(app.name, n -> new ArrayList<>()).add(seconds);
      told.append(String.format(Locale.ROOT, "  %.3f", seconds));
    }
    System.err.println(apps.get(0).name + ", CPU s / 100k of one start, in this order:" + told);
  }

  /** Mean of the middle half: as deaf to a slice that something else disturbed as the median is, and steadier. */
  private static double middle(List<Double> slices) {
    return slices.stream()
        .sorted()
        .skip(slices.size() / 4)
        .limit(slices.size() - 2 * (slices.size() / 4))
        .mapToDouble(Double::doubleValue)
        .average()
        .orElseThrow();
  }

  private static void print(Map<String, List<Double>> all) {
    List<List<Double>> columns = new ArrayList<>(all.values());
    List<Double> bare = columns.get(0);
    List<Double> again = columns.get(1);
    int starts = bare.size();
    for (Map.Entry<String, List<Double>> e : all.entrySet()) {
      double[] ratios = new double[starts];
      double seconds = 0;
      double mean = 0;
      for (int i = 0; i < starts; i++) {
        // a bare process beside the other one, what is governed beside both
        double of = e.getValue() == again ? bare.get(i) : (bare.get(i) + again.get(i)) / 2;
        ratios[i] = e.getValue() == bare ? 1 : e.getValue().get(i) / of;
        seconds += e.getValue().get(i) / starts;
        mean += ratios[i] / starts;
      }
      double squares = 0;
      for (double r : ratios) {
        squares += (r - mean) * (r - mean);
      }
      double error = starts < 2 ? Double.NaN : Math.sqrt(squares / (starts - 1) / starts);
      Arrays.sort(ratios);
      System.out.printf(
          Locale.ROOT,
          "%-58s %14.2f %9.1f%% %8s%.1f%% %10.1f%% ..%6.1f%%%n",
          e.getKey(),
          seconds,
          100 * (mean - 1),
          "+- ",
          100 * error,
          100 * (ratios[0] - 1),
          100 * (ratios[starts - 1] - 1));
    }
    System.out.println();
  }
}
