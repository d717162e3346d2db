package rollout;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.ServerCalls;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/**
 * One instance of a service over gRPC, with grpc-java's own health service: answers its name and which rule (metadata
 * x-rule) sent the call here. It ends as grpc-java's examples do: no new call, those under way finish.
 */
public final class Instance {
  private static final Context.Key<String> RULE = Context.key("rule");

  private Instance() {}

  public static void main(String[] args) throws Exception {
    HealthStatusManager health = new HealthStatusManager();
    ServerServiceDefinition service =
        ServerServiceDefinition.builder("rollout.Instance")
            .addMethod(
                Wire.WHO,
                ServerCalls.asyncUnaryCall(
                    (request, answer) -> {
                      answer.onNext(args[0] + " " + RULE.get());
                      answer.onCompleted();
                    }))
            .build();
    Server server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(ServerInterceptors.intercept(service, new Ruled()))
            .addService(health.getHealthService())
            .build()
            .start();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  server.shutdown();
                  try {
                    server.awaitTermination(5, TimeUnit.SECONDS);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                }));
    Orders.obey(
        well -> health.setStatus("", well ? ServingStatus.SERVING : ServingStatus.NOT_SERVING));
    System.out.println("READY " + server.getPort());
    server.awaitTermination();
  }

  private static final class Ruled implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      return Contexts.interceptCall(
          Context.current().withValue(RULE, headers.get(Wire.RULE)), call, headers, next);
    }
  }
}
