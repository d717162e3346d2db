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
 * One governed call: what was decided about it, and how it ended, which is recorded once.
 *
 * <p>Of a call that was not {@link #admitted} only {@link #refusal} may be asked. An admitted one
 * waits if it {@link #waits}, is sent as {@link #toSend} to {@link #destination}, and ends once: it
 * was {@link #answered} and its body ends ({@link BodyTracker}), it {@link #failed}, or it was
 * never made ({@link #abandon}). The first end wins, later ones do nothing. A call that never ends
 * keeps its permits, so every way out of an adapter must come by one of them. Only a call that is
 * {@link #watch}ed ends by itself, when nobody reads its body.
 *
 * <p>Confined to one thread at a time until it is sent; ends may race from any thread. Only {@link
 * #refusal}, {@link #waitForTurn} and {@link #make} throw. No fault of the agent comes out of any
 * method.
 */
public final class ClientCall<Q, R> extends BodyTracker implements Paced {
  private final ClientGate<Q, R> gate;
  private final ServicePlan plan;
  boolean admitted;

  // null once the outcome is recorded: a request may have a large body
  private @Nullable Q request;

  /** The library's object for this call, see {@link #handle(Object)}. */
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

  /**
   * Whether this library makes the call. The thread may be bound to a call of another library.
   *
   * @param library class of its {@link ClientLibrary}
   */
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

  /**
   * Keeps what ended the call while it waited. It records no outcome. {@link #make} throws it when
   * the library runs the call all the same.
   */
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
   * @param cell what {@link CurrentCall#cell} gives on this thread
   * @param waited it has waited already
   * @param exchange makes the call by the library
   * @return the library's answer, of which the caller tells the end, or the refusal
   * @throws IOException what ended it while it waited, a refusal that is thrown, what the library
   *     threw, or the route's deadline; then its end has been told
   */
  public R make(Object[] cell, boolean waited, Exchange<Q, R> exchange) throws IOException {
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
      sent = exchange.prepare(this, sent);
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
    }
    startDeadline();
    // hooks deeper in the library look for a call that is routed or timed; one that is only counted
    // needs none of them
    ClientCall<?, ?> before = CurrentCall.swap(cell, isOnlyCounted() ? null : this);
    try {
      return exchange.send(sent);
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
  @SuppressWarnings("NullAway") // the request is still there, and a governed one has a host
  public @Nullable HostPort destination() {
    Instance i = decision.instance();
    return i == null
            || i.port() == gate.library.port(request) && i.host().equals(gate.library.host(request))
        ? null
        : new HostPort(i.host(), i.port());
  }

  /**
   * Starts the routing rule's {@code timeout_ms}, which covers the answer's body, too. Call it when
   * the call is about to be sent. A call without a handle cannot be cancelled, so it gets no
   * deadline.
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
      d.stop();
    }
  }

  /**
   * Sets the library's own object for this call. It is passed to {@link ClientLibrary#isCancelled},
   * {@link ClientLibrary#cancel} and {@link ClientLibrary#timeoutNanos}. Without it, the call
   * cannot be cancelled and has no time-out of the application's.
   */
  public void handle(Object handle) {
    this.handle = handle;
  }

  /**
   * Keeps an object of the adapter's for a hook deeper in the library, which finds this call by
   * {@link CurrentCall#of}. It is cleared when {@link #make} returns, or when the call ends.
   */
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
   * Status and headers of the answer are there. The call's end is still to come: {@link #ended},
   * {@link #failed} or {@link #endedAtOnce}.
   *
   * @param last the request that got it: after redirects perhaps not the first
   * @return whether its body is over already
   */
  public boolean answered(R answer, Q last) {
    int status = 0;
    boolean shed = false;
    try {
      status = gate.library.status(answer);
      // The target's own Weir refused the call, which is no evidence against the target. This is
      // believed only of a registered instance: anybody can send the header.
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
   * Records the answer as {@link #answered} does, and ends the call unless the end of its body
   * matters.
   *
   * @param hasBody false: the answer has none
   * @return true: the library must {@link #watch} the answer's body. False: the call has ended
   */
  public boolean awaitsBody(R answer, Q last, boolean hasBody) {
    boolean over = answered(answer, last);
    if (hasBody && (hasDeadline() || !over && !isOnlyCounted())) {
      return true;
    }
    endedAtOnce();
    return false;
  }

  /** The answer's body is open. If nobody reads it for a while, the call ends by its status. */
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
    boolean late = d != null && d.stop();
    if (!hasEnded()) {
      try {
        long now = now();
        long limit = timeoutNanos();
        // the library's timer and this clock were not started at the same time: a tenth is
        // tolerance
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

  /** Keeps the request: after a wait that could not begin, the caller goes on with the call. */
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
