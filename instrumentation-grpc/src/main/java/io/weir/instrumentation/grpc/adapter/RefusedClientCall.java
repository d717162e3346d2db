package io.weir.instrumentation.grpc.adapter;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import org.jspecify.annotations.Nullable;

/** A call that was refused: all further operations on it do nothing. */
final class RefusedClientCall<ReqT, RespT> extends ClientCall<ReqT, RespT> {
  @Override
  public void start(Listener<RespT> listener, Metadata headers) {
    throw new IllegalStateException("Already started");
  }

  @Override
  public void request(int messages) {}

  @Override
  public void cancel(@Nullable String message, @Nullable Throwable cause) {}

  @Override
  public void halfClose() {}

  @Override
  public void sendMessage(ReqT message) {}

  @Override
  public boolean isReady() {
    return false;
  }
}
