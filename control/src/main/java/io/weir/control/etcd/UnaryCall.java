package io.weir.control.etcd;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/** A call with one request and one answer, without the stub classes of gRPC. */
final class UnaryCall<RespT> extends ClientCall.Listener<RespT> {
  /** Exactly one of its methods is called, once, on the channel's thread. */
  interface Callback<RespT> {
    void ok(RespT answer);

    void failed(Status status);
  }

  private final Callback<RespT> callback;
  private @Nullable RespT answer;

  private UnaryCall(Callback<RespT> callback) {
    this.callback = callback;
  }

  static <ReqT, RespT> void send(
      Channel channel,
      MethodDescriptor<ReqT, RespT> method,
      CallOptions options,
      ReqT request,
      Callback<RespT> callback) {
    ClientCall<ReqT, RespT> call = channel.newCall(method, options);
    call.start(new UnaryCall<RespT>(callback), new Metadata());
    call.request(1);
    call.sendMessage(request);
    call.halfClose();
  }

  @Override
  public void onMessage(RespT message) {
    answer = message;
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    RespT received = answer;
    if (status.isOk() && received != null) {
      callback.ok(received);
    } else {
      callback.failed(status.isOk() ? Status.INTERNAL.withDescription("no answer") : status);
    }
  }
}
