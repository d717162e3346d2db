package io.weir.control.registry;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.okhttp.OkHttpChannelBuilder;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Checks a gRPC server by the gRPC health protocol ({@code grpc.health.v1.Health/Check}), for the
 * whole server, over plaintext.
 *
 * <p>A server that answers with an error counts as healthy: it may lack the health service
 * (UNIMPLEMENTED) or refuse us. A server that speaks TLS cannot answer plaintext; it counts as
 * healthy while its port accepts connections.
 */
final class GrpcProbe implements Probe {
  private static final MethodDescriptor<byte[], byte[]> CHECK =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("grpc.health.v1.Health/Check")
          .setRequestMarshaller(new BytesMarshaller())
          .setResponseMarshaller(new BytesMarshaller())
          .build();

  private final InetSocketAddress address;

  GrpcProbe(InetAddress host, int port) {
    address = new InetSocketAddress(host, port);
  }

  @Override
  public @Nullable String check() {
    // a new channel each time: a connection that was made earlier would not prove that the server
    // still accepts new ones
    ManagedChannel channel =
        OkHttpChannelBuilder.forAddress(address.getAddress().getHostAddress(), address.getPort())
            .usePlaintext()
            .proxyDetector(target -> null) // no proxy: this is the JVM's own server
            .directExecutor()
            .disableRetry()
            .build();
    try {
      byte[] answer =
          ClientCalls.blockingUnaryCall(
              channel,
              CHECK,
              CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.SECONDS),
              new byte[0]); // an empty HealthCheckRequest asks for the whole server
      // HealthCheckResponse in protobuf: 0x08 is the tag of field 1 (status), 1 is SERVING
      return answer.length == 2 && answer[0] == 0x08 && answer[1] == 1
          ? null
          : "gRPC health says not serving";
    } catch (StatusRuntimeException e) {
      Status.Code code = e.getStatus().getCode();
      if (code == Status.Code.DEADLINE_EXCEEDED) {
        return "gRPC health did not answer within 1 s";
      }
      return code == Status.Code.UNAVAILABLE && !acceptsConnections()
          ? "gRPC health could not be asked: " + e.getStatus().getDescription()
          : null;
    } finally {
      channel.shutdownNow();
    }
  }

  private boolean acceptsConnections() {
    try (java.net.Socket s = new java.net.Socket()) {
      s.connect(address, 1000);
      return true;
    } catch (IOException refused) {
      return false;
    }
  }

  /** Messages as bytes; of a longer answer, only the first 64 are read. */
  private static final class BytesMarshaller implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream in) {
      byte[] buffer = new byte[64];
      int n = 0;
      try {
        for (int r; n < buffer.length && (r = in.read(buffer, n, buffer.length - n)) > 0; ) {
          n += r;
        }
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
      return java.util.Arrays.copyOf(buffer, n);
    }
  }
}
