import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.servlet.AsyncContext;
import javax.servlet.ServletException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/**
 * A hop of a chain: {@code web NEXT NAME...} or {@code grpc NAME...}, one server for each name; NEXT
 * is {@code http} (service b), {@code grpc} (service c). Each answers its name and what the next hop
 * answered; {@code ?out=URL[&bearer=TOKEN]} calls that, at whatever name, on the loopback. It knows nothing of colours and copies no header.
 */
public final class Hops {
  private static final MethodDescriptor<String, String> WHO =
      MethodDescriptor.<String, String>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("hop.Hop/Who")
          .setRequestMarshaller(new Text())
          .setResponseMarshaller(new Text())
          .build();
  private static final Logger QUIET = Logger.getLogger("org.apache");
  private static final ExecutorService POOL = Executors.newFixedThreadPool(2);

  public static void main(String[] args) throws Exception {
    QUIET.setLevel(Level.SEVERE);
    StringBuilder ports = new StringBuilder("PORTS");
    boolean web = args[0].equals("web");
    for (int i = web ? 2 : 1; i < args.length; i++) {
      ports.append(' ').append(web ? web(args[1], args[i]) : grpc(args[i]));
    }
    System.out.println(ports);
    System.out.println("READY " + ports.toString().split(" ")[1]);
    Thread.currentThread().join();
  }

  static int grpc(String name) throws IOException {
    Server server =
        ServerBuilder.forPort(0)
            .addService(
                ServerServiceDefinition.builder("hop.Hop")
                    .addMethod(
                        WHO,
                        ServerCalls.asyncUnaryCall(
                            (String q, StreamObserver<String> out) -> {
                              out.onNext(name);
                              out.onCompleted();
                            }))
                    .build())
            .build()
            .start();
    return server.getPort();
  }

  static int web(String next, String name) throws Exception {
    String base = Files.createTempDirectory("hops").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", base);
    Tomcat.addServlet(context, "hop", new Hop(next, name)).setAsyncSupported(true);
    context.addServletMappingDecoded("/*", "hop");
    tomcat.start();
    return tomcat.getConnector().getLocalPort();
  }

  private static final class Hop extends HttpServlet {
    private final String next;
    private final String name;
    private final OkHttpClient http = new OkHttpClient();
    private final ManagedChannel channel =
        ManagedChannelBuilder.forTarget("c:80").usePlaintext().build();

    Hop(String next, String name) {
      this.next = next;
      this.name = name;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws ServletException, IOException {
      String how = request.getParameter("how");
      String out = request.getParameter("out");
      if (out != null) {
        try (Response r =
            http.newBuilder()
                .dns(host -> List.of(InetAddress.getLoopbackAddress()))
                .build()
                .newCall(to(out, request.getParameter("bearer")))
                .execute()) {
          response.getWriter().print(r.body().string());
        } catch (ConnectException nobody) {
          response.getWriter().print("nobody listens");
        }
        return;
      }
      if (how == null) {
        response.getWriter().print(name);
        return;
      }
      try {
        switch (how) {
          case "direct":
            response.getWriter().print(name + " " + call(how));
            break;
          case "pool":
            response.getWriter().print(name + " " + POOL.submit(() -> call(how)).get());
            break;
          case "future":
            response
                .getWriter()
                .print(
                    name
                        + " "
                        + CompletableFuture.supplyAsync(() -> "x").thenApplyAsync(x -> tried(how)).get());
            break;
          case "enqueue":
            response.getWriter().print(name + " " + enqueue(how).get());
            break;
          case "async":
            AsyncContext async = request.startAsync();
            POOL.execute(
                () -> {
                  try {
                    async.getResponse().getWriter().print(name + " " + tried(how));
                  } catch (IOException gone) {
                    // nobody to tell
                  }
                  async.complete();
                });
            break;
          default:
            throw new IllegalArgumentException(how);
        }
      } catch (Exception e) {
        throw new ServletException(e);
      }
    }

    private static Request to(String url, String bearer) {
      Request.Builder b = new Request.Builder().url(url);
      return (bearer == null ? b : b.header("Authorization", "Bearer " + bearer)).build();
    }

    private String tried(String how) {
      try {
        return call(how);
      } catch (IOException e) {
        return e.toString();
      }
    }

    private Call toB(String how) {
      return http.newCall(new Request.Builder().url("http://b/?how=" + how).build());
    }

    private String call(String how) throws IOException {
      if (next.equals("grpc")) {
        return ClientCalls.blockingUnaryCall(channel, WHO, CallOptions.DEFAULT, "");
      }
      try (Response r = toB(how).execute()) {
        return r.body().string();
      }
    }

    private CompletableFuture<String> enqueue(String how) throws Exception {
      CompletableFuture<String> answer = new CompletableFuture<>();
      if (next.equals("grpc")) {
        answer.complete(
            ClientCalls.futureUnaryCall(channel.newCall(WHO, CallOptions.DEFAULT), "").get());
        return answer;
      }
      toB(how)
          .enqueue(
              new Callback() {
                @Override
                public void onFailure(Call call, IOException e) {
                  answer.complete(e.toString());
                }

                @Override
                public void onResponse(Call call, Response r) throws IOException {
                  try (Response closing = r) {
                    answer.complete(r.body().string());
                  }
                }
              });
      return answer;
    }
  }

  private static final class Text implements MethodDescriptor.Marshaller<String> {
    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String parse(InputStream in) {
      try {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
