package io.weir.instrumentation.grpc.adapter;

import io.grpc.Context;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.weir.bootstrap.Colour;

/**
 * Gives an inbound call its traffic colour. The colour is bound to the thread while the
 * application's handler and each callback of its listener run. It is also in the call's {@link
 * Context}, which applications pass on to their own threads.
 */
final class PropagatingHandler<ReqT, RespT> implements ServerCallHandler<ReqT, RespT> {
  private static final Context.Key<Colour> KEY = Context.key("weir-colour");

  private final Colour colour;
  private final ServerCallHandler<ReqT, RespT> next;

  PropagatingHandler(Colour colour, ServerCallHandler<ReqT, RespT> next) {
    this.colour = colour;
    this.next = next;
  }

  /**
   * Binds the colour of the current {@link Context} to the thread, unless a colour is bound.
   *
   * @return the colour that was bound before, which the caller must restore
   */
  static Colour bindContextColour() {
    Colour before = Colour.current();
    Colour own = before == Colour.NONE ? KEY.get() : null;
    return own == null ? before : Colour.swap(own);
  }

  @Override
  public ServerCall.Listener<ReqT> startCall(ServerCall<ReqT, RespT> call, Metadata headers) {
    Context context = Context.current().withValue(KEY, colour);
    Context outer = context.attach();
    Colour before = Colour.swap(colour);
    try {
      return new Callbacks<ReqT>(next.startCall(call, headers), colour, context);
    } finally {
      Colour.swap(before);
      context.detach(outer);
    }
  }

  private static final class Callbacks<ReqT> extends SimpleForwardingServerCallListener<ReqT> {
    private final Colour colour;
    private final Context context;

    Callbacks(ServerCall.Listener<ReqT> delegate, Colour colour, Context context) {
      super(delegate);
      this.colour = colour;
      this.context = context;
    }

    @Override
    public void onMessage(ReqT message) {
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
