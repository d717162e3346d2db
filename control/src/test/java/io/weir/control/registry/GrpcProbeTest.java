package io.weir.control.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.InsecureServerCredentials;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.okhttp.OkHttpServerBuilder;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import org.junit.jupiter.api.Test;

class GrpcProbeTest {
  /** A server that says it is not well, in a JVM whose application has a proxy for everything. */
  @Test
  void theApplicationsProxyIsNotAsked() throws Exception {
    InetAddress here = InetAddress.getLoopbackAddress();
    int nobody;
    try (ServerSocket s = new ServerSocket(0, 1, here)) {
      nobody = s.getLocalPort();
    }
    Server sick =
        OkHttpServerBuilder.forPort(
                new InetSocketAddress(here, 0), InsecureServerCredentials.create())
            .addService(health(new byte[] {8, 2}))
            .build()
            .start();
    ProxySelector before = ProxySelector.getDefault();
    ProxySelector.setDefault(
        new ProxySelector() {
          @Override
          public List<Proxy> select(URI uri) {
            return List.of(new Proxy(Proxy.Type.HTTP, new InetSocketAddress(here, nobody)));
          }

          @Override
          public void connectFailed(URI uri, SocketAddress to, IOException why) {}
        });
    try {
      assertThat(new GrpcProbe(here, sick.getPort()).check())
          .isEqualTo("gRPC health says not serving");
    } finally {
      ProxySelector.setDefault(before);
      sick.shutdownNow();
    }
  }

  private static ServerServiceDefinition health(byte[] answer) {
    MethodDescriptor<byte[], byte[]> check =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("grpc.health.v1.Health/Check")
            .setRequestMarshaller(new Bytes())
            .setResponseMarshaller(new Bytes())
            .build();
    return ServerServiceDefinition.builder("grpc.health.v1.Health")
        .addMethod(
            check,
            ServerCalls.asyncUnaryCall(
                (asked, to) -> {
                  to.onNext(answer);
                  to.onCompleted();
                }))
        .build();
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
