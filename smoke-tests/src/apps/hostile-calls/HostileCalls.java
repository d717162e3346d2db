import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerServiceDefinition;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.ServerCalls;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * Serves gRPC that takes metadata of any size, and makes the calls that it is told on a socket: by
 * OkHttp to payment, by gRPC to stock, which is itself. Tells the ports of gRPC and payment.
 */
public final class HostileCalls {
  private static final MethodDescriptor<byte[], byte[]> GET =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("shop.Stock/Get")
          .setRequestMarshaller(new Bytes())
          .setResponseMarshaller(new Bytes())
          .build();

  public static void main(String[] args) throws Exception {
    Server server =
        ServerBuilder.forPort(0)
            .maxInboundMetadataSize(1 << 20)
            .addService(
                ServerServiceDefinition.builder("shop.Stock")
                    .addMethod(
                        GET,
                        ServerCalls.asyncUnaryCall(
                            (q, out) -> {
                              out.onNext(q);
                              out.onCompleted();
                            }))
                    .build())
            .build()
            .start();
    ServerSocket sink = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    thread(() -> sink(sink));
    ServerSocket orders = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    System.out.println("PORTS " + server.getPort() + " " + sink.getLocalPort());
    System.out.println("READY " + orders.getLocalPort());
    OkHttpClient http =
        new OkHttpClient.Builder()
            .dns(host -> List.of(InetAddress.getLoopbackAddress()))
            .followRedirects(false)
            .build();
    ManagedChannel channel =
        ManagedChannelBuilder.forAddress("127.0.0.1", server.getPort())
            .overrideAuthority("stock")
            .usePlaintext()
            .build();
    while (true) {
      Socket from = orders.accept();
      from.setTcpNoDelay(true);
      thread(
          () -> {
            DataInputStream in = new DataInputStream(new BufferedInputStream(from.getInputStream()));
            DataOutputStream out =
                new DataOutputStream(new BufferedOutputStream(from.getOutputStream()));
            while (true) {
              boolean grpc = in.readBoolean();
              String url = text(in);
              String[] headers = new String[in.readInt()];
              for (int i = 0; i < headers.length; i++) {
                headers[i] = text(in);
              }
              String answer;
              try {
                answer = grpc ? grpc(channel, headers) : http(http, sink.getLocalPort(), url, headers);
              } catch (Throwable t) {
                answer = "THREW " + t;
              }
              out.writeUTF(answer.length() > 1000 ? answer.substring(0, 1000) : answer);
              out.flush();
            }
          });
    }
  }

  private static String http(OkHttpClient client, int port, String path, String[] headers)
      throws IOException {
    HttpUrl url = HttpUrl.parse("http://payment:" + port + path);
    if (url == null) {
      return "NO URL";
    }
    Request.Builder b = new Request.Builder().url(url);
    okhttp3.Headers.Builder h = new okhttp3.Headers.Builder();
    for (int i = 0; i < headers.length; i += 2) {
      try {
        h.addUnsafeNonAscii(headers[i], headers[i + 1].replace("\r", "").replace("\n", ""));
      } catch (IllegalArgumentException refused) {
        // OkHttp does not take it
      }
    }
    try (Response r = client.newCall(b.headers(h.build()).build()).execute()) {
      return Integer.toString(r.code());
    }
  }

  private static String grpc(ManagedChannel channel, String[] headers) {
    Metadata m = new Metadata();
    for (int i = 0; i < headers.length; i += 2) {
      m.put(Metadata.Key.of(headers[i], Metadata.ASCII_STRING_MARSHALLER), headers[i + 1]);
    }
    try {
      ClientCalls.blockingUnaryCall(
          io.grpc.ClientInterceptors.intercept(
              channel, MetadataUtils.newAttachHeadersInterceptor(m)),
          GET,
          CallOptions.DEFAULT,
          new byte[0]);
      return "OK";
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode() + " " + e.getStatus().getDescription();
    }
  }

  private static String text(DataInputStream in) throws IOException {
    byte[] b = new byte[in.readInt()];
    in.readFully(b);
    return new String(b, StandardCharsets.ISO_8859_1);
  }

  /** Reads heads of requests, however large, and says 200 to each. */
  private static void sink(ServerSocket server) throws IOException {
    while (true) {
      Socket s = server.accept();
      s.setTcpNoDelay(true);
      thread(
          () -> {
            InputStream in = new BufferedInputStream(s.getInputStream(), 1 << 16);
            byte[] ok =
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
            int newlines = 0;
            for (int c; (c = in.read()) >= 0; ) {
              newlines = c == '\n' ? newlines + 1 : c == '\r' ? newlines : 0;
              if (newlines == 2) {
                newlines = 0;
                s.getOutputStream().write(ok);
              }
            }
          });
    }
  }

  private interface Task {
    void run() throws IOException;
  }

  private static void thread(Task task) {
    Thread t =
        new Thread(
            () -> {
              try {
                task.run();
              } catch (IOException over) {
                // the other side has gone
              }
            });
    t.setDaemon(true);
    t.start();
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new java.io.ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream in) {
      try {
        return in.readAllBytes();
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
