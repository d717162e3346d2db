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
 * The gRPC health protocol ({@code grpc.health.v1.Health/Check}) for the whole server, over
 * plaintext. A server without the service (UNIMPLEMENTED) or one that refuses us for its own
 * reasons still answers, and counts as well; one behind TLS is asked over plaintext in vain and
 * counts as well while its port accepts.
 */
final class GrpcProbe implements Probe {
  private static final MethodDescriptor<byte[], byte[]> CHECK =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("grpc.health.v1.Health/Check")
          .setRequestMarshaller(new Bytes())
          .setResponseMarshaller(new Bytes())
          .build();

  private final InetSocketAddress address;

  GrpcProbe(InetAddress host, int port) {
    address = new InetSocketAddress(host, port);
  }

  @Override
  public @Nullable String ask() {
    // a channel for each question: a connection that once worked proves nothing, and this is rare
    ManagedChannel channel =
        OkHttpChannelBuilder.forAddress(address.getAddress().getHostAddress(), address.getPort())
            .usePlaintext()
            .proxyDetector(to -> null) // an own server is asked directly
            .directExecutor()
            .disableRetry()
            .build();
    try {
      byte[] answer =
          ClientCalls.blockingUnaryCall(
              channel,
              CHECK,
              CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.SECONDS),
              new byte[0]);
      // HealthCheckResponse.status is field 1: SERVING is 1
      return answer.length == 2 && answer[0] == 8 && answer[1] == 1
          ? null
          : "gRPC health says not serving";
    } catch (StatusRuntimeException e) {
      Status.Code code = e.getStatus().getCode();
      if (code == Status.Code.DEADLINE_EXCEEDED) {
        return "gRPC health did not answer within 1 s";
      }
      return code == Status.Code.UNAVAILABLE && !accepts()
          ? "gRPC health could not be asked: " + e.getStatus().getDescription()
          : null;
    } finally {
      channel.shutdownNow();
    }
  }

  private boolean accepts() {
    try (java.net.Socket s = new java.net.Socket()) {
      s.connect(address, 1000);
      return true;
    } catch (IOException refused) {
      return false;
    }
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
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
