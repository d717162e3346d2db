package io.weir.instrumentation.grpc.adapter;

import io.grpc.ClientCall;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.bootstrap.HookId;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;

/** A call to a service without rules: it only takes the traffic colour along. */
final class ColouredClientCall<Q, P> extends SimpleForwardingClientCall<Q, P> {
  private final Engine engine;

  ColouredClientCall(ClientCall<Q, P> call, Engine engine) {
    super(call);
    this.engine = engine;
  }

  @Override
  public void start(Listener<P> listener, Metadata headers) {
    try {
      Colour before = Coloured.bindContexts();
      try {
        Names.set(headers, engine.headers(HEADERS, headers, null));
      } finally {
        Colour.swap(before);
      }
    } catch (Throwable t) {
      Bridge.failedOpen(HookId.GRPC_CLIENT_BUILD, t);
    }
    super.start(listener, headers);
  }

  private static final AttributeSource<Metadata> HEADERS =
      new AttributeSource<Metadata>() {
        @Override
        public String header(Metadata headers, String name) {
          return Names.first(headers, name);
        }

        @Override
        public String path(Metadata headers) {
          return null;
        }

        @Override
        public String method(Metadata headers) {
          return null;
        }

        @Override
        public String host(Metadata headers) {
          return null;
        }
      };
}
