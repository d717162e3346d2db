package com.example.shop;

import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** The stock service, over gRPC. */
public final class Stock {
  static final MethodDescriptor<String, String> RESERVE =
      MethodDescriptor.<String, String>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("shop.Stock/Reserve")
          .setRequestMarshaller(new Text())
          .setResponseMarshaller(new Text())
          .build();

  private Stock() {}

  public static void main(String[] args) throws Exception {
    Server server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])))
            .addService(
                ServerServiceDefinition.builder("shop.Stock")
                    .addMethod(
                        RESERVE,
                        ServerCalls.asyncUnaryCall(
                            (item, answer) -> {
                              answer.onNext("reserved " + item);
                              answer.onCompleted();
                            }))
                    .build())
            .build()
            .start();
    System.out.println("READY " + server.getPort());
    server.awaitTermination();
  }

  private static final class Text implements MethodDescriptor.Marshaller<String> {
    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String parse(InputStream stream) {
      try {
        return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
