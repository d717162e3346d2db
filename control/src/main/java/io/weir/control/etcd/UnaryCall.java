package io.weir.control.etcd;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/** A call with one request and one answer. */
final class UnaryCall<S> extends ClientCall.Listener<S> {
  /** Told once, on the channel's thread. */
  interface Outcome<S> {
    void ok(S answer);

    void failed(Status status);
  }

  private final Outcome<S> outcome;
  private @Nullable S answer;

  private UnaryCall(Outcome<S> outcome) {
    this.outcome = outcome;
  }

  static <Q, S> void send(
      Channel channel,
      MethodDescriptor<Q, S> method,
      CallOptions options,
      Q request,
      Outcome<S> outcome) {
    ClientCall<Q, S> call = channel.newCall(method, options);
    call.start(new UnaryCall<S>(outcome), new Metadata());
    call.request(1);
    call.sendMessage(request);
    call.halfClose();
  }

  @Override
  public void onMessage(S message) {
    answer = message;
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    S told = answer;
    if (status.isOk() && told != null) {
      outcome.ok(told);
    } else {
      outcome.failed(status.isOk() ? Status.INTERNAL.withDescription("no answer") : status);
    }
  }
}
