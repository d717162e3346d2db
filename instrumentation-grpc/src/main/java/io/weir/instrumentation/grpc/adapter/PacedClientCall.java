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
 * An outbound call that waits for its turn: no thread waits with it. What the caller does meanwhile
 * is held back and done in order when the time has come. A caller that cancels, or whose context is
 * cancelled, gets its tokens back, and the call is never made.
 */
final class PacedClientCall<Q, P> extends ClientCall<Q, P>
    implements Runnable, Context.CancellationListener, Executor {
  private final GovernedClientCall<Q, P> owner;
  private final Listener<P> listener;
  private final Context context;
  private final BufferedActions holdback = new BufferedActions();

  // whoever sets it decides what becomes of the call: it is made, or it never will be
  private final AtomicBoolean decided = new AtomicBoolean();

  // written before the holdback opens, read by what it lets through
  @SuppressWarnings("NullAway.Init")
  private volatile ClientCall<Q, P> call;

  PacedClientCall(GovernedClientCall<Q, P> owner, Listener<P> listener, Context context) {
    this.owner = owner;
    this.listener = listener;
    this.context = context;
  }

  /** Begins to wait; the caller sees to it that {@link #run} comes. */
  void await() {
    context.addListener(this, this);
  }

  @Override
  public void run() {
    if (!decide()) {
      return;
    }
    Context before = context.attach();
    try {
      call = owner.afterWait();
      owner.begin(call, listener);
      holdback.open();
    } catch (Throwable t) {
      owner.close(listener, Status.fromThrowable(t), new Metadata());
    } finally {
      context.detach(before);
    }
  }

  @Override
  public void start(Listener<P> listener, Metadata headers) {
    throw new IllegalStateException("Already started");
  }

  private boolean decide() {
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

  /** The caller's own work was cancelled, or is out of time; the library listens from then on. */
  @Override
  public void cancelled(Context context) {
    if (decide()) {
      giveUp(Contexts.statusFromCancelled(context));
    }
  }

  /** Runs {@link #cancelled} where the context is cancelled: it does nothing that takes time. */
  @Override
  public void execute(Runnable command) {
    command.run();
  }

  @Override
  public void cancel(@Nullable String message, @Nullable Throwable cause) {
    if (decide()) {
      giveUp(Status.CANCELLED.withDescription(message).withCause(cause));
    } else {
      holdback.run(() -> call.cancel(message, cause));
    }
  }

  @Override
  public void request(int messages) {
    holdback.run(() -> call.request(messages));
  }

  @Override
  public void halfClose() {
    holdback.run(() -> call.halfClose());
  }

  @Override
  public void sendMessage(Q message) {
    holdback.run(() -> call.sendMessage(message));
  }

  @Override
  public void setMessageCompression(boolean enabled) {
    holdback.run(() -> call.setMessageCompression(enabled));
  }

  @Override
  public boolean isReady() {
    return holdback.isOpen() && call.isReady();
  }

  @Override
  public Attributes getAttributes() {
    return holdback.isOpen() ? call.getAttributes() : Attributes.EMPTY;
  }
}
