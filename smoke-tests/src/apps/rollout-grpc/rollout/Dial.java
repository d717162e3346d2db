package rollout;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import java.util.concurrent.TimeUnit;

/** Calls a service by gRPC, over one channel. */
final class Dial {
  private final ManagedChannel channel;
  private final long timeoutMillis;

  Dial(String service, long timeoutMillis) {
    channel = NettyChannelBuilder.forTarget("dns:///" + service + ":8080").usePlaintext().build();
    this.timeoutMillis = timeoutMillis;
  }

  /** The instance's name and the rule, or {@code FAILED} and why. */
  String call() {
    try {
      return ClientCalls.blockingUnaryCall(
          channel,
          Wire.WHO,
          CallOptions.DEFAULT.withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS),
          "");
    } catch (StatusRuntimeException e) {
      return "FAILED " + e.toString().replace('\n', ' ');
    }
  }
}
