package io.weir.benchmarks.grpc;

import io.grpc.Attributes;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.grpc.adapter.ServerBuildHook;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A call whose handler answers at once, on no transport: what is left is the gate. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ServerBenchmark {
  private static final ServerCallHandler<String, String> HANDLER =
      (call, headers) ->
          new ServerCall.Listener<>() {
            @Override
            public void onHalfClose() {
              call.close(Status.OK, headers);
            }
          };

  private ServerInterceptor withoutRules;
  private ServerInterceptor governed;
  private ServerInterceptor refused;

  @Setup
  public void setUp() {
    withoutRules = gate(Rules.none());
    governed = gate(Rules.passing());
    refused = gate(Rules.refusing());
  }

  private static ServerInterceptor gate(Engine engine) {
    List<ServerInterceptor> gate = new ArrayList<>();
    new ServerBuildHook(engine).enter(null, gate, Rules.POOL, null);
    return gate.get(0);
  }

  @Benchmark
  public Status bare() {
    Call call = new Call();
    return end(call, HANDLER.startCall(call, new Metadata()));
  }

  @Benchmark
  public Status withoutRules() {
    return call(withoutRules);
  }

  @Benchmark
  public Status governed() {
    return call(governed);
  }

  @Benchmark
  public Status refused() {
    return call(refused);
  }

  private static Status call(ServerInterceptor gate) {
    Call call = new Call();
    return end(call, gate.interceptCall(call, new Metadata(), HANDLER));
  }

  private static Status end(Call call, ServerCall.Listener<String> listener) {
    listener.onHalfClose();
    listener.onComplete();
    return call.status;
  }

  private static final class Call extends ServerCall<String, String> {
    Status status;

    @Override
    public void request(int messages) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(String message) {}

    @Override
    public void close(Status status, Metadata trailers) {
      this.status = status;
    }

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public Attributes getAttributes() {
      return Attributes.EMPTY;
    }

    @Override
    public MethodDescriptor<String, String> getMethodDescriptor() {
      return Rules.METHOD;
    }
  }
}
