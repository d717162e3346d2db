package fleet;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;

/** One unary call by gRPC. */
final class Dial {
  private final Channel channel;

  Dial(String host, String port, String name) {
    Metadata headers = new Metadata();
    headers.put(Target.NAME, name);
    channel =
        ClientInterceptors.intercept(
            NettyChannelBuilder.forAddress(host, Integer.parseInt(port)).usePlaintext().build(),
            MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  String call() {
    try {
      ClientCalls.blockingUnaryCall(channel, Target.PAY, CallOptions.DEFAULT, new byte[0]);
      return "ok";
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode() == Status.Code.UNAVAILABLE ? "refused" : "failed";
    }
  }
}
