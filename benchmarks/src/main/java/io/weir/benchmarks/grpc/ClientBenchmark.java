package io.weir.benchmarks.grpc;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.grpc.adapter.ClientBuildHook;
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

/** A call on a channel that answers at once and sends nothing: what is left is the gate. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ClientBenchmark {
  private static final CallOptions OPTIONS = CallOptions.DEFAULT.withExecutor(Rules.DIRECT);

  private final Ending ending = new Ending();
  private final Metadata headers = new Metadata();
  private final Channel bare = new Answering();
  private Channel withoutRules;
  private Channel governed;
  private Channel routed;
  private Channel refused;

  @Setup
  public void setUp() {
    withoutRules = gated(Rules.none());
    governed = gated(Rules.passing());
    routed = gated(Rules.routing());
    refused = gated(Rules.refusing());
  }

  private Channel gated(Engine engine) {
    List<ClientInterceptor> gate = new ArrayList<>();
    new ClientBuildHook(engine).enter(null, gate, Rules.POOL, null);
    return ClientInterceptors.intercept(bare, gate);
  }

  @Benchmark
  public Status bare() {
    return call(bare);
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

  /**
   * Limit, breaker and an instance to go to; the call brings its executor, as blocking stubs do.
   */
  @Benchmark
  public Status routed() {
    return call(routed);
  }

  /** The same without an executor of the call's own. */
  @Benchmark
  public Status routedByOption() {
    return call(routed, CallOptions.DEFAULT);
  }

  private Status call(Channel channel) {
    return call(channel, OPTIONS);
  }

  private Status call(Channel channel, CallOptions options) {
    ClientCall<String, String> call = channel.newCall(Rules.METHOD, options);
    call.start(ending, headers);
    call.request(2);
    call.sendMessage("");
    call.halfClose();
    return ending.status;
  }

  private static final class Ending extends ClientCall.Listener<String> {
    Status status;

    @Override
    public void onClose(Status status, Metadata trailers) {
      this.status = status;
    }
  }

  /** One call at a time, and always the same object: what is allocated is the gate's. */
  private static final class Answering extends Channel {
    private final ClientCall<?, ?> call = new Call<>();

    @Override
    @SuppressWarnings("unchecked")
    public <Q, P> ClientCall<Q, P> newCall(MethodDescriptor<Q, P> method, CallOptions options) {
      return (ClientCall<Q, P>) call;
    }

    @Override
    public String authority() {
      return "stock:8080";
    }
  }

  private static final class Call<Q, P> extends ClientCall<Q, P> {
    private Listener<P> listener;
    private Metadata trailers;

    @Override
    public void start(Listener<P> listener, Metadata headers) {
      this.listener = listener;
      trailers = headers;
    }

    @Override
    public void request(int messages) {}

    @Override
    public void cancel(String message, Throwable cause) {}

    @Override
    public void halfClose() {
      listener.onClose(Status.OK, trailers);
    }

    @Override
    public void sendMessage(Q message) {}
  }
}
