package io.weir.instrumentation.api.client;

import io.weir.engine.call.Refusal;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import io.weir.instrumentation.api.common.HostPort;
import io.weir.instrumentation.api.common.RefusalView;
import io.weir.instrumentation.api.pacing.CallDeadline;
import io.weir.instrumentation.api.pacing.Paced;
import io.weir.instrumentation.api.pacing.PacedWait;
import java.io.IOException;
import java.io.InterruptedIOException;
import org.jspecify.annotations.Nullable;

/**
 * One governed call: what was decided about it, and what became of it, told once.
 *
 * <p>Of a call that was not {@link #admitted} only {@link #refusal} may be asked. An admitted one
 * waits if it {@link #waits}, is sent as {@link #toSend} to {@link #destination}, and ends once: it
 * was {@link #answered} and its body ends ({@link BodyTracker}), it {@link #failed}, or it was
 * never made ({@link #abandon}). The first end wins, later ones do nothing. A call that the library
 * never ends keeps what it holds, so every way out must come by one of them.
 *
 * <p>Confined to one thread at a time until it is sent; ends may race from any thread. Nothing here
 * throws but {@link #refusal}.
 */
public final class ClientCall<Q, R> extends BodyTracker implements Paced {
  private final ClientGate<Q, R> gate;
  private final ServicePlan plan;
  boolean admitted;

  // let go once the outcome is told: a request may have a large body
  private @Nullable Q request;
  @Nullable Object handle;
  private @Nullable Object note;

  /** What ended the call while it waited, or null. */
  private @Nullable IOException failure;

  private @Nullable CallDeadline deadline;

  /** When the application's own time-out for the call began to run. */
  private long began;

  ClientCall(ClientGate<Q, R> gate, ServicePlan plan, Q request, @Nullable Object handle) {
    super(gate.engine.newDecision());
    this.gate = gate;
    this.plan = plan;
    this.request = request;
    this.handle = handle;
  }

  @Override
  void decided() {
    super.decided();
    began = decision.startNanos();
  }

  /** Whether a library makes it; calls of others may be bound to the same thread. */
  boolean isOf(Class<?> library) {
    return gate.library.getClass() == library;
  }

  /** Name of the service that is called. */
  public String service() {
    return plan.service();
  }

  /** False: it is refused, see {@link #refusal}. */
  public boolean admitted() {
    return admitted;
  }

  /**
   * The answer to a refused call.
   *
   * @throws IOException where the rule says so, or the library has no answers of its own
   */
  @SuppressWarnings("NullAway") // a refused call has its request and its refusal
  public R refusal() throws IOException {
    Refusal refusal = decision.refused();
    R answer = null;
    if (!refusal.throwing()) {
      answer = gate.library.refused(request, new RefusalView(decision));
    }
    if (answer == null) {
      throw new IOException(
          "call to " + plan.service() + " refused by Weir: " + refusal.description());
    }
    return answer;
  }

  /** Whether it has to wait for its turn. */
  public boolean waits() {
    return decision.waitNanos() > 0;
  }

  @Override
  public long now() {
    return gate.engine.now();
  }

  @Override
  public long dueAt() {
    return decision.startNanos() + decision.waitNanos();
  }

  @Override
  public void started(boolean anew) {
    long now = now();
    outcome.started(now);
    if (anew) {
      began = now;
    }
  }

  /** It ended while it waited; whoever takes it up again throws this. */
  public void failure(IOException failure) {
    this.failure = failure;
  }

  /** What ended the call while it waited, or null. */
  public @Nullable IOException failure() {
    return failure;
  }

  /**
   * Makes the call on this thread, up to its answer's status and headers: waits for its turn,
   * starts its deadline, and binds it to the thread meanwhile ({@link CurrentCall}).
   *
   * @param cell the thread's
   * @param waited it has waited already
   * @return the library's answer, of which the caller tells the end, or the refusal
   * @throws IOException what ended it while it waited, a refusal that is thrown, what the library
   *     threw, or the route's deadline; then its end has been told
   */
  public R make(Object[] cell, boolean waited, Exchange<Q, R> library) throws IOException {
    if (failure != null) {
      throw failure;
    }
    if (!admitted) {
      return refusal();
    }
    if (!waited && waits()) {
      waitForTurn();
    }
    Q sent = toSend();
    try {
      sent = library.prepare(this, sent);
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
    }
    startDeadline();
    ClientCall<?, ?> before = CurrentCall.swap(cell, isOnlyCounted() ? null : this);
    try {
      return library.send(sent);
    } catch (Throwable t) {
      IOException late = failed(t);
      if (late != null) {
        throw late;
      }
      throw t;
    } finally {
      CurrentCall.swap(cell, before);
      note(null);
    }
  }

  /**
   * Waits on the calling thread.
   *
   * @throws IOException the call must not be made
   */
  public void waitForTurn() throws IOException {
    switch (PacedWait.onThread(this, this::isCancelled)) {
      case INTERRUPTED:
        throw new InterruptedIOException("interrupted while waiting for a rate limit");
      case CANCELLED:
        throw new IOException("Canceled");
      default:
    }
  }

  /** The request with the headers of the traffic colour, the routing rule and the caller. */
  @SuppressWarnings("NullAway") // it has not ended
  public Q toSend() {
    return gate.withHeaders(request, this);
  }

  /** Where to send it instead; null: where the application aimed it. */
  @SuppressWarnings("NullAway") // it has not ended, and goes by a host
  public @Nullable HostPort destination() {
    Instance i = decision.instance();
    return i == null
            || i.port() == gate.library.port(request) && i.host().equals(gate.library.host(request))
        ? null
        : new HostPort(i.host(), i.port());
  }

  /**
   * The call is about to be sent: what a routing rule allows it, its answer's body included, begins
   * to run. A call without a handle cannot be cancelled and has none.
   */
  public void startDeadline() {
    Object h = handle;
    if (decision.timeoutNanos() > 0 && h != null) {
      try {
        deadline =
            CallDeadline.start(decision.timeoutNanos(), gate.pacer(), () -> gate.library.cancel(h));
      } catch (Throwable t) {
        ClientGate.failedOpen(t);
      }
    }
  }

  /** Whether a routing rule's deadline was started: then the body's end is always watched. */
  public boolean hasDeadline() {
    return deadline != null;
  }

  @Override
  void stopDeadline() {
    CallDeadline d = deadline;
    if (d != null) {
      d.over();
    }
  }

  /** What the library is asked by from now on about cancelling and time-outs. */
  public void handle(Object handle) {
    this.handle = handle;
  }

  /** What the library wants to find where it finds the call; let go when the call has ended. */
  public void note(@Nullable Object note) {
    this.note = note;
  }

  /** What {@link #note(Object)} left, or null. */
  public @Nullable Object note() {
    return note;
  }

  /** The application's own time-out for the whole call; 0: none. */
  public long timeoutNanos() {
    Object h = handle;
    return h == null ? 0 : gate.library.timeoutNanos(h);
  }

  /** Whether the application has cancelled it. */
  public boolean isCancelled() {
    Object h = handle;
    return h != null && gate.library.isCancelled(h);
  }

  /**
   * Status and headers of the answer are there. Its end is still to come: {@link #ended}, {@link
   * #failed}, {@link #endedAtOnce}, or, for one that is {@link #watch}ed, patience.
   *
   * @param last the request that got it: after redirects perhaps not the first
   * @return whether its body is over already
   */
  public boolean answered(R answer, Q last) {
    int status = 0;
    boolean shed = false;
    try {
      status = gate.library.status(answer);
      shed =
          status >= 400
              && gate.library.answerHeader(answer, Refusal.REJECTED) != null
              && gate.engine.isRegistered(
                  plan, decision.instance(), gate.library.host(last), gate.library.port(last));
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
    }
    return hasAnswer(status, shed);
  }

  /**
   * {@link #answered}, and whether the library has to watch the answer's body, and then to {@link
   * #watch} it. If not, the call has ended.
   *
   * @param hasBody false: the answer has none
   */
  public boolean awaitsBody(R answer, Q last, boolean hasBody) {
    boolean over = answered(answer, last);
    if (hasBody && (hasDeadline() || !over && !isOnlyCounted())) {
      return true;
    }
    endedAtOnce();
    return false;
  }

  /** Its body is open. If nobody ever reads it, it ends by patience. */
  public void watch() {
    gate.bodies.add(this, answeredAt());
  }

  /**
   * The call or its answer's body failed.
   *
   * @return what the caller is to get for it, where a routing rule's deadline has passed; null:
   *     what the library threw
   */
  public @Nullable IOException failed(Throwable thrown) {
    CallDeadline d = deadline;
    boolean late = d != null && d.over();
    if (!isTold()) {
      try {
        long now = now();
        long limit = timeoutNanos();
        // the library started its clock a moment before us
        boolean overdue = late || limit > 0 && now - began >= limit - limit / 10;
        outcome.endFailure(gate.library.failures().of(thrown, isCancelled(), overdue), thrown, now);
      } catch (Throwable t) {
        ClientGate.failedOpen(t);
      } finally {
        letGo();
      }
    }
    return d != null && late && thrown instanceof IOException ? d.exceeded(thrown) : null;
  }

  @Override
  public void abandon() {
    try {
      outcome.abandon(now());
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
    }
  }

  @Override
  long clock() {
    return gate.engine.now();
  }

  @Override
  @Nullable IOException failedBy(Throwable thrown) {
    return failed(thrown);
  }

  @Override
  void letGo() {
    request = null;
    handle = null;
    note = null;
  }
}
