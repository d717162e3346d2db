import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Arguments: name, then optionally the files of certificate and key. Does what the message says:
 * {@code echo TEXT}, {@code who}, {@code fail CODE}, {@code throw}, {@code hang}, {@code sleep MS}.
 */
public final class StockServer {
  private static final Context.Key<String> WHO = Context.key("who");
  private static final AtomicInteger HANDLED = new AtomicInteger();

  public static void main(String[] args) throws Exception {
    String name = args[0];
    ServerServiceDefinition service =
        ServerServiceDefinition.builder("shop.Stock")
            .addMethod(
                Wire.UNARY,
                ServerCalls.asyncUnaryCall(
                    (String q, StreamObserver<String> out) -> answer(name, q, out)))
            .addMethod(
                Wire.SERVER,
                ServerCalls.asyncServerStreamingCall(
                    (String q, StreamObserver<String> out) -> {
                      if (q.startsWith("echo")) {
                        HANDLED.incrementAndGet();
                        out.onNext(name + " 1 " + q);
                        out.onNext(name + " 2 " + q);
                        out.onCompleted();
                      } else {
                        answer(name, q, out);
                      }
                    }))
            .addMethod(
                Wire.CLIENT,
                ServerCalls.asyncClientStreamingCall(
                    (StreamObserver<String> out) -> new Sum(name, out, false)))
            .addMethod(
                Wire.BIDI,
                ServerCalls.asyncBidiStreamingCall(
                    (StreamObserver<String> out) -> new Sum(name, out, true)))
            .addMethod(
                Wire.COUNT,
                ServerCalls.asyncUnaryCall(
                    (String q, StreamObserver<String> out) -> {
                      out.onNext(Integer.toString(HANDLED.get()));
                      out.onCompleted();
                    }))
            .build();
    boolean tls = args.length > 2;
    Server server =
        Transports.server(tls ? new File(args[1]) : null, tls ? new File(args[2]) : null)
            .addService(service)
            .addService(health())
            .intercept(new Who())
            .build()
            .start();
    System.out.println("READY " + server.getPort());
    server.awaitTermination();
  }

  private static ServerServiceDefinition health() {
    return ServerServiceDefinition.builder("grpc.health.v1.Health")
        .addMethod(
            Wire.HEALTH_CHECK,
            ServerCalls.asyncUnaryCall(
                (String q, StreamObserver<String> out) -> {
                  out.onNext("SERVING");
                  out.onCompleted();
                }))
        .addMethod(
            Wire.HEALTH_WATCH,
            ServerCalls.asyncServerStreamingCall(
                (String q, StreamObserver<String> out) -> {
                  out.onNext("SERVING");
                  out.onCompleted();
                }))
        .build();
  }

  private static void answer(String name, String q, StreamObserver<String> out) {
    HANDLED.incrementAndGet();
    if (q.equals("throw")) {
      throw new IllegalStateException("as asked");
    } else if (q.startsWith("fail ")) {
      out.onError(Status.fromCode(Status.Code.valueOf(q.substring(5))).asRuntimeException());
    } else if (!q.equals("hang")) {
      if (q.startsWith("sleep ")) {
        try {
          Thread.sleep(Long.parseLong(q.substring(6))); // what it is asked for
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      out.onNext(name + " " + (q.equals("who") ? WHO.get() : q));
      out.onCompleted();
    }
  }

  private static final class Sum implements StreamObserver<String> {
    private final String name;
    private final StreamObserver<String> out;
    private final boolean each;
    private final StringBuilder all = new StringBuilder();

    Sum(String name, StreamObserver<String> out, boolean each) {
      HANDLED.incrementAndGet();
      this.name = name;
      this.out = out;
      this.each = each;
    }

    @Override
    public void onNext(String q) {
      if (q.startsWith("fail ")) {
        out.onError(Status.fromCode(Status.Code.valueOf(q.substring(5))).asRuntimeException());
      } else if (each) {
        out.onNext(name + " " + q);
      } else {
        all.append(' ').append(q);
      }
    }

    @Override
    public void onError(Throwable cancelled) {}

    @Override
    public void onCompleted() {
      if (!each) {
        out.onNext(name + all);
      }
      out.onCompleted();
    }
  }

  /** The application's own interceptor: what the call carried. */
  private static final class Who implements ServerInterceptor {
    @Override
    public <Q, P> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, P> call, Metadata headers, ServerCallHandler<Q, P> next) {
      StringBuilder who = new StringBuilder("authority=" + call.getAuthority());
      for (String name : new String[] {"x-app", "x-canary", "x-arm", "authorization"}) {
        String value = headers.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
        if (value != null) {
          who.append(' ').append(name).append('=').append(value);
        }
      }
      return Contexts.interceptCall(
          Context.current().withValue(WHO, who.toString()), call, headers, next);
    }
  }
}
