import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Stream;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/**
 * Tells how much of its stack a thread touches that serves or makes a call, in KB as the kernel
 * counts them. On stdin: {@code servlet}, {@code okhttp}, {@code grpc-client}, {@code grpc-server};
 * each call is on a thread that made none before. {@code recurse FRAMES} makes a servlet that
 * recurses, {@code most} one that recurses as far as it gets.
 */
public final class StackApp {
  private static final MethodDescriptor<byte[], byte[]> PAY =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("stack.Target/Pay")
          .setRequestMarshaller(new Bytes())
          .setResponseMarshaller(new Bytes())
          .build();

  private static volatile String served = "";
  private static volatile int frames;
  private static int threads;
  private static int deepest;

  public static void main(String[] args) throws Exception {
    System.out.println("start " + onFreshThread(() -> { start(); return 200; }));
    System.out.println("READY " + http);
    listen();
  }

  private static int http;
  private static ManagedChannel channel;
  private static OkHttpClient client;

  private static void start() throws Exception {
    http = tomcat();
    int grpc =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(
                ServerServiceDefinition.builder("stack.Target")
                    .addMethod(
                        PAY,
                        ServerCalls.asyncUnaryCall(
                            (request, answer) -> {
                              answer.onNext(request);
                              answer.onCompleted();
                            }))
                    .build())
            .executor(StackApp::serve)
            .build()
            .start()
            .getPort();
    channel =
        NettyChannelBuilder.forAddress("127.0.0.1", grpc).usePlaintext().build();
    client = new OkHttpClient();
  }

  private static void listen() throws Exception {
    Thread server = server("served");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String[] word = line.split(" ");
      try {
        switch (word[0]) {
          case "servlet":
            System.out.println(line + " " + get(http) + " " + rss(served));
            break;
          case "okhttp":
            System.out.println(
                line
                    + " "
                    + onFreshThread(
                        () -> {
                          try (Response r =
                              client
                                  .newCall(
                                      new Request.Builder()
                                          .url("http://127.0.0.1:" + http + "/hello")
                                          .build())
                                  .execute()) {
                            return r.code();
                          }
                        }));
            break;
          case "grpc-client":
            System.out.println(
                line
                    + " "
                    + onFreshThread(
                        () ->
                            ClientCalls.blockingUnaryCall(
                                    channel, PAY, CallOptions.DEFAULT, new byte[200])
                                .length));
            break;
          case "grpc-server":
            server.interrupt();
            server.join();
            server = server("stk" + ++threads);
            int n =
                ClientCalls.blockingUnaryCall(channel, PAY, CallOptions.DEFAULT, new byte[200])
                    .length;
            System.out.println(line + " " + n + " " + rss(server.getName()));
            break;
          case "recurse":
            frames = Integer.parseInt(word[1]);
            System.out.println(line + " " + get(http));
            break;
          case "most":
            frames = Integer.MAX_VALUE;
            get(http);
            System.out.println(line + " " + deepest);
            break;
          default:
            System.out.println("?");
        }
      } catch (Throwable e) {
        System.out.println(line + " failed: " + e);
      }
    }
    System.exit(0);
  }

  private static int tomcat() throws Exception {
    String base = Files.createTempDirectory("tomcat").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", base);
    Tomcat.addServlet(
        context,
        "hello",
        new HttpServlet() {
          @Override
          protected void doGet(HttpServletRequest q, HttpServletResponse a) throws IOException {
            name();
            deepest = 0;
            try {
              down(0);
            } catch (StackOverflowError e) {
              a.setStatus(507);
            }
          }
        });
    context.addServletMappingDecoded("/hello", "hello");
    tomcat.start();
    return tomcat.getConnector().getLocalPort();
  }

  private static void down(int depth) {
    deepest = depth;
    if (depth < frames) {
      down(depth + 1);
    }
  }

  private static final LinkedBlockingQueue<Runnable> TASKS =
      new LinkedBlockingQueue<>();

  /** One thread runs all tasks until it has served a call; then it waits, and another goes on. */
  private static void serve(Runnable task) {
    TASKS.add(task);
  }

  private static Thread server(String name) {
    Thread t =
        new Thread(
            () -> {
              try {
                while (!Thread.currentThread().isInterrupted()) {
                  TASKS.take().run();
                }
              } catch (InterruptedException e) {
                // the next one serves
              }
            },
            name);
    t.setDaemon(true);
    t.start();
    return t;
  }

  private static synchronized void name() {
    served = "stk" + ++threads;
    Thread.currentThread().setName(served);
  }

  /** By hand: a client would be governed, too. */
  private static int get(int port) throws IOException {
    try (Socket s = new Socket(InetAddress.getLoopbackAddress(), port)) {
      s.getOutputStream()
          .write(
              "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));
      String all = new String(s.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      return Integer.parseInt(all.substring(9, 12));
    }
  }

  private interface Work {
    int call() throws Exception;
  }

  private static String onFreshThread(Work work) throws Exception {
    String name = "stk" + ++threads;
    CountDownLatch done = new CountDownLatch(1);
    CountDownLatch measured = new CountDownLatch(1);
    int[] result = {-1};
    Thread t =
        new Thread(
            () -> {
              try {
                result[0] = work.call();
              } catch (Throwable e) {
                e.printStackTrace();
              }
              done.countDown();
              try {
                measured.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            name);
    t.start();
    done.await();
    String rss = rss(name);
    measured.countDown();
    t.join();
    return result[0] + " " + rss;
  }

  /** What is resident of the stack of that thread, which must wait; in KB. */
  private static String rss(String name) throws IOException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : tasks.toList()) {
        if (!Files.readString(task.resolve("comm")).trim().equals(name)) {
          continue;
        }
        String[] call;
        do { // until it waits
          call = Files.readString(task.resolve("syscall")).trim().split(" ");
        } while (call.length < 3);
        long sp = Long.parseUnsignedLong(call[call.length - 2].substring(2), 16);
        boolean inside = false;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
          if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
            String[] range = line.split("[- ]");
            inside =
                Long.compareUnsigned(Long.parseUnsignedLong(range[0], 16), sp) <= 0
                    && Long.compareUnsigned(sp, Long.parseUnsignedLong(range[1], 16)) < 0;
          } else if (inside && line.startsWith("Rss:")) {
            return line.replaceAll("\\D", "");
          }
        }
      }
    }
    return "?";
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream in) {
      try {
        return in.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
