package io.weir.instrumentation.grpc.adapter;

import io.grpc.ClientCall;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/**
 * A call to a service without rules: it only takes the traffic colour and its caller's name along.
 */
final class ColouredClientCall<Q, P> extends SimpleForwardingClientCall<Q, P> {
  private final Engine engine;
  private final String authority;
  private final @Nullable String caller;

  @SuppressWarnings("NullAway.Init") // from start on, and nobody asks before
  private Metadata headers;

  /**
   * @param caller null: the target does not want to know
   */
  ColouredClientCall(
      ClientCall<Q, P> call, Engine engine, String authority, @Nullable String caller) {
    super(call);
    this.engine = engine;
    this.authority = authority;
    this.caller = caller;
  }

  @Override
  public void start(Listener<P> listener, Metadata headers) {
    this.headers = headers;
    try {
      Colour before = Coloured.bindContexts();
      try {
        Names.set(headers, engine.headers(SOURCE, this, null));
        Names.setCaller(headers, caller);
      } finally {
        Colour.swap(before);
      }
    } catch (Throwable t) {
      Bridge.failedOpen(t);
    }
    super.start(listener, headers);
  }

  private static final AttributeSource<ColouredClientCall<?, ?>> SOURCE =
      new AttributeSource<ColouredClientCall<?, ?>>() {
        @Override
        public @Nullable String header(ColouredClientCall<?, ?> call, String name) {
          return Names.first(call.headers, name);
        }

        @Override
        public @Nullable String headers(ColouredClientCall<?, ?> call, String name) {
          Iterable<String> all = Names.all(call.headers, name);
          return all == null ? null : joined(all);
        }

        @Override
        public @Nullable String path(ColouredClientCall<?, ?> call) {
          return null;
        }

        @Override
        public @Nullable String method(ColouredClientCall<?, ?> call) {
          return null;
        }

        @Override
        public @Nullable String host(ColouredClientCall<?, ?> call) {
          return Names.host(call.authority);
        }
      };
}
