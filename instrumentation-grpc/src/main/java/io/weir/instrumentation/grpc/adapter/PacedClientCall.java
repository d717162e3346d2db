package io.weir.instrumentation.grpc.adapter;

import io.grpc.Attributes;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * An outbound call that waits for its turn; no thread waits. What the caller does meanwhile is
 * buffered and done in order when its turn comes. If the caller cancels the call, or its context is
 * cancelled, the call's tokens are given back, and the call is never made. If its deadline passes
 * first, its tokens are given back, and the library's call fails at once.
 *
 * <p>(This extends gRPC's own {@code ClientCall}, not the one of Weir's instrumentation API.)
 */
final class PacedClientCall<ReqT, RespT> extends ClientCall<ReqT, RespT>
    implements Runnable, Context.CancellationListener, Executor {
  private final GovernedClientCall<ReqT, RespT> owner;
  private final Listener<RespT> listener;
  private final Context context;
  private final BufferedActions buffered = new BufferedActions();

  // whoever sets it decides: the call is made, or it is abandoned
  private final AtomicBoolean decided = new AtomicBoolean();

  // the library's call; written before the buffer opens, read by the actions it lets through
  @SuppressWarnings("NullAway.Init")
  private volatile ClientCall<ReqT, RespT> call;

  PacedClientCall(
      GovernedClientCall<ReqT, RespT> owner, Listener<RespT> listener, Context context) {
    this.owner = owner;
    this.listener = listener;
    this.context = context;
  }

  /** Begins to wait. The caller of this method schedules {@link #run}. */
  void await() {
    context.addListener(this, this);
  }

  /** The call's turn has come, or its deadline has passed. */
  @Override
  public void run() {
    if (!decideOnce()) {
      return;
    }
    Context before = context.attach();
    boolean started = false;
    try {
      call = owner.afterWait();
      owner.begin(call, listener);
      started = true;
      buffered.open();
    } catch (Throwable t) {
      // The method that caused it has returned long ago, so the caller learns of it by the status.
      buffered.discard();
      if (started) {
        call.cancel("an action before the call's turn failed", t);
      } else {
        owner.close(listener, Status.fromThrowable(t), new Metadata());
      }
    } finally {
      context.detach(before);
    }
  }

  @Override
  public void start(Listener<RespT> listener, Metadata headers) {
    throw new IllegalStateException("Already started");
  }

  /** True for the first caller, which decides what becomes of the call. */
  private boolean decideOnce() {
    if (!decided.compareAndSet(false, true)) {
      return false;
    }
    context.removeListener(this);
    return true;
  }

  private void giveUp(Status status) {
    owner.abandon();
    owner.close(listener, status, new Metadata());
  }

  /** The context was cancelled or its deadline passed. After the wait the library handles this. */
  @Override
  public void cancelled(Context context) {
    if (decideOnce()) {
      giveUp(Contexts.statusFromCancelled(context));
    }
  }

  /** Runs {@link #cancelled} on the thread that cancels the context: it does not block. */
  @Override
  public void execute(Runnable command) {
    command.run();
  }

  @Override
  public void cancel(@Nullable String message, @Nullable Throwable cause) {
    if (decideOnce()) {
      giveUp(Status.CANCELLED.withDescription(message).withCause(cause));
    } else {
      buffered.run(() -> call.cancel(message, cause));
    }
  }

  @Override
  public void request(int messages) {
    buffered.run(() -> call.request(messages));
  }

  @Override
  public void halfClose() {
    buffered.run(() -> call.halfClose());
  }

  @Override
  public void sendMessage(ReqT message) {
    buffered.run(() -> call.sendMessage(message));
  }

  @Override
  public void setMessageCompression(boolean enabled) {
    buffered.run(() -> call.setMessageCompression(enabled));
  }

  @Override
  public boolean isReady() {
    return buffered.isOpen() && call.isReady();
  }

  @Override
  public Attributes getAttributes() {
    return buffered.isOpen() ? call.getAttributes() : Attributes.EMPTY;
  }
}
