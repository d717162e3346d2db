package io.weir.instrumentation.grpc.adapter;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import org.jspecify.annotations.Nullable;

/** A call that was refused: whatever the caller still does with it goes nowhere. */
final class RefusedClientCall<Q, P> extends ClientCall<Q, P> {
  @Override
  public void start(Listener<P> listener, Metadata headers) {
    throw new IllegalStateException("Already started");
  }

  @Override
  public void request(int messages) {}

  @Override
  public void cancel(@Nullable String message, @Nullable Throwable cause) {}

  @Override
  public void halfClose() {}

  @Override
  public void sendMessage(Q message) {}

  @Override
  public boolean isReady() {
    return false;
  }
}
