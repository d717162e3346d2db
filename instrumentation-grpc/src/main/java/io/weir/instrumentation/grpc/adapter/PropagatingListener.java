package io.weir.instrumentation.grpc.adapter;

import io.grpc.Context;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.weir.bootstrap.Colour;

/**
 * The traffic colour of an inbound call: bound to the thread while the application's handler and
 * each of its callbacks run, and kept in the call's {@link Context}, which applications hand on to
 * threads of their own.
 */
final class PropagatingListener<Q, P> implements ServerCallHandler<Q, P> {
  private static final Context.Key<Colour> KEY = Context.key("weir-colour");

  private final Colour colour;
  private final ServerCallHandler<Q, P> next;

  PropagatingListener(Colour colour, ServerCallHandler<Q, P> next) {
    this.colour = colour;
    this.next = next;
  }

  /**
   * Binds the context's colour to the thread unless it has one of its own.
   *
   * @return what was bound before, to be put back
   */
  static Colour bindContexts() {
    Colour before = Colour.current();
    Colour own = before == Colour.NONE ? KEY.get() : null;
    return own == null ? before : Colour.swap(own);
  }

  @Override
  public ServerCall.Listener<Q> startCall(ServerCall<Q, P> call, Metadata headers) {
    Context context = Context.current().withValue(KEY, colour);
    Context outer = context.attach();
    Colour before = Colour.swap(colour);
    try {
      return new Callbacks<Q>(next.startCall(call, headers), colour, context);
    } finally {
      Colour.swap(before);
      context.detach(outer);
    }
  }

  private static final class Callbacks<Q> extends SimpleForwardingServerCallListener<Q> {
    private final Colour colour;
    private final Context context;

    Callbacks(ServerCall.Listener<Q> delegate, Colour colour, Context context) {
      super(delegate);
      this.colour = colour;
      this.context = context;
    }

    @Override
    public void onMessage(Q message) {
      Context outer = context.attach();
      Colour before = Colour.swap(colour);
      try {
        super.onMessage(message);
      } finally {
        Colour.swap(before);
        context.detach(outer);
      }
    }

    @Override
    public void onHalfClose() {
      Context outer = context.attach();
      Colour before = Colour.swap(colour);
      try {
        super.onHalfClose();
      } finally {
        Colour.swap(before);
        context.detach(outer);
      }
    }

    @Override
    public void onReady() {
      Context outer = context.attach();
      Colour before = Colour.swap(colour);
      try {
        super.onReady();
      } finally {
        Colour.swap(before);
        context.detach(outer);
      }
    }

    @Override
    public void onCancel() {
      Context outer = context.attach();
      Colour before = Colour.swap(colour);
      try {
        super.onCancel();
      } finally {
        Colour.swap(before);
        context.detach(outer);
      }
    }

    @Override
    public void onComplete() {
      Context outer = context.attach();
      Colour before = Colour.swap(colour);
      try {
        super.onComplete();
      } finally {
        Colour.swap(before);
        context.detach(outer);
      }
    }
  }
}
