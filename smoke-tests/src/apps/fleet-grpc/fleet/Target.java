package fleet;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** The service that fails, over gRPC. */
public final class Target {
  static final Metadata.Key<String> NAME = Metadata.Key.of("x-name", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> REJECTED =
      Metadata.Key.of("x-weir-rejected", Metadata.ASCII_STRING_MARSHALLER);
  private static final Context.Key<String> CALLER = Context.key("caller");
  static final MethodDescriptor<byte[], byte[]> PAY =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("fleet.Target/Pay")
          .setRequestMarshaller(new Bytes())
          .setResponseMarshaller(new Bytes())
          .build();

  private Target() {}

  public static void main(String[] args) throws Exception {
    ServerServiceDefinition service =
        ServerServiceDefinition.builder("fleet.Target")
            .addMethod(
                PAY,
                ServerCalls.asyncUnaryCall(
                    (request, answer) -> {
                      if (Mood.good(CALLER.get())) {
                        answer.onNext(request);
                        answer.onCompleted();
                      } else {
                        Metadata trailers = new Metadata();
                        if (Mood.shed) {
                          trailers.put(REJECTED, "full");
                        }
                        answer.onError((Mood.shed ? Status.UNAVAILABLE : Status.INTERNAL).asRuntimeException(trailers));
                      }
                    }))
            .build();
    Server server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(ServerInterceptors.intercept(service, new WhoCalls()))
            .build()
            .start();
    System.out.println("READY " + server.getPort());
    Mood.listen();
    System.exit(0);
  }

  private static final class WhoCalls implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      return Contexts.interceptCall(Context.current().withValue(CALLER, headers.get(NAME)), call, headers, next);
    }
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
