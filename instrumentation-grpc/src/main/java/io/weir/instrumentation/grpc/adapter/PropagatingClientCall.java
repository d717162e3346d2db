package io.weir.instrumentation.grpc.adapter;

import io.grpc.ClientCall;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/** A call to a service without rules: its headers get the traffic colour and the caller's name. */
final class PropagatingClientCall<ReqT, RespT> extends SimpleForwardingClientCall<ReqT, RespT> {
  private final Engine engine;
  private final String authority;
  private final @Nullable String caller;

  @SuppressWarnings("NullAway.Init") // set in start(), read only afterwards
  private Metadata headers;

  /**
   * @param caller name of this JVM's service; null: the target does not need it
   */
  PropagatingClientCall(
      ClientCall<ReqT, RespT> call, Engine engine, String authority, @Nullable String caller) {
    super(call);
    this.engine = engine;
    this.authority = authority;
    this.caller = caller;
  }

  @Override
  public void start(Listener<RespT> listener, Metadata headers) {
    this.headers = headers;
    try {
      Colour before = PropagatingHandler.bindContextColour();
      try {
        GrpcNames.set(headers, engine.propagation().headers(SOURCE, this, null));
        GrpcNames.setCaller(headers, caller);
      } finally {
        Colour.swap(before);
      }
    } catch (Throwable t) {
      Bridge.failedOpen(t);
    }
    super.start(listener, headers);
  }

  private static final AttributeSource<PropagatingClientCall<?, ?>> SOURCE =
      new AttributeSource<PropagatingClientCall<?, ?>>() {
        @Override
        public @Nullable String header(PropagatingClientCall<?, ?> call, String name) {
          return GrpcNames.first(call.headers, name);
        }

        @Override
        public @Nullable String headers(PropagatingClientCall<?, ?> call, String name) {
          Iterable<String> all = GrpcNames.all(call.headers, name);
          return all == null ? null : joined(all);
        }

        @Override
        public @Nullable String path(PropagatingClientCall<?, ?> call) {
          return null;
        }

        @Override
        public @Nullable String method(PropagatingClientCall<?, ?> call) {
          return null;
        }

        @Override
        public @Nullable String host(PropagatingClientCall<?, ?> call) {
          return GrpcNames.host(call.authority);
        }
      };
}
