package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.call.CallDecision;
import io.weir.engine.call.Refusal;
import io.weir.engine.gate.ServicePlan;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import okhttp3.Call;
import okhttp3.Dns;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.jspecify.annotations.Nullable;

/**
 * The first interceptor of a derived client: one decision for each call the application makes.
 *
 * <p><b>Where it stands.</b> Before the application's own interceptors, so a refused call runs none
 * of them, and what they and OkHttp do below (redirects, authentication, silent retries, the cache)
 * is part of the one call and of its one outcome. The request they see is the application's, URL
 * untouched, plus the headers a routing rule sets; see {@link Aim} for how it gets to the chosen
 * instance nevertheless.
 *
 * <p><b>Outcome.</b> What is thrown is told apart by {@link Failures}. An answer counts by its
 * status once its body has been read or closed, for the body may still fail: {@link Outcome}. The
 * body is watched where OkHttp opens it on the network ({@link BodyHook}), and the caller gets the
 * very answer it would have got; a watched copy of it only where OkHttp is older than 3.14, the
 * answer does not come from the network or is decoded on its way, or a route's deadline has to show
 * in what is thrown.
 *
 * <p><b>Waiting.</b> A paced call of {@code execute} waits on its caller's thread; cancelling it or
 * interrupting the thread ends the wait and gives the tokens back. One that was enqueued has been
 * decided when it comes here, and has waited without a thread: {@link PacedRun}.
 *
 * <p>Any thread; no lock.
 */
final class Governor implements Interceptor {
  /** How soon a waiting call notices that it was cancelled; nothing wakes it for that. */
  private static final long CANCEL_CHECK_NANOS = 10_000_000;

  private final Gate gate;
  private final Dns dns;

  Governor(Gate gate, Dns dns) {
    this.gate = gate;
    this.dns = dns;
  }

  @Override
  public Response intercept(Chain chain) throws IOException {
    Request request = chain.request();
    ServicePlan plan = gate.plan(request.url());
    if (plan != null) {
      return govern(plan, request, chain);
    }
    Object[] cell = Bound.cell();
    Outcome before = Bound.swap(cell, null); // an interceptor of another call may make this one
    try {
      return chain.proceed(gate.coloured(request, null));
    } finally {
      Bound.swap(cell, before);
    }
  }

  /** Null when a client is none of ours. Looks at all: another agent may have put its in front. */
  static @Nullable Governor of(OkHttpClient client) {
    List<Interceptor> all = client.interceptors();
    for (int i = 0; i < all.size(); i++) {
      if (all.get(i) instanceof Governor) {
        return (Governor) all.get(i);
      }
    }
    return null;
  }

  Gate gate() {
    return gate;
  }

  private Response govern(ServicePlan plan, Request request, Chain chain) throws IOException {
    Call call = Calls.of(chain);
    Object[] cell = Bound.cell();
    Decision made = Decision.take(cell, call);
    CallDecision ticket = made == null ? gate.engine.newDecision() : made.ticket;
    if (made != null && made.failure != null) {
      throw made.failure;
    }
    if (made == null ? !gate.admits(plan, request, ticket) : !made.admitted) {
      return refuse(plan, request, ticket);
    }
    long began = ticket.startNanos();
    if (made == null && ticket.waitNanos() > 0) {
      pace(began + ticket.waitNanos(), call, ticket);
    }
    Request sent = request;
    Aim aim = null;
    Deadline deadline = null;
    try {
      sent = gate.coloured(request, ticket);
      aim = Aim.at(ticket.instance(), request.url(), dns);
      deadline = Deadline.start(ticket.timeoutNanos(), call);
    } catch (Throwable t) {
      Gate.failedOpen(t);
    }
    Outcome outcome = new Outcome(gate.engine, ticket, call, began);
    outcome.aim(aim);
    Outcome before = Bound.swap(cell, outcome.isOnlyCounted() ? null : outcome);
    Response response;
    try {
      response = chain.proceed(sent);
    } catch (Throwable t) {
      boolean late = deadline != null && deadline.over();
      outcome.failed(t, late);
      if (deadline != null && late && t instanceof IOException) {
        throw deadline.exceeded((IOException) t);
      }
      throw t;
    } finally {
      Bound.swap(cell, before);
      outcome.aim(null);
    }
    if (aim != null && !aim.taken() && response.networkResponse() != null) {
      Gate.failedOpen(new IllegalStateException("the call was not retargeted to " + aim));
    }
    return answered(plan, response, outcome, deadline);
  }

  private static Response refuse(ServicePlan plan, Request request, CallDecision ticket)
      throws IOException {
    Refusal refusal = ticket.refused();
    if (refusal.throwing()) {
      throw new IOException(
          "call to " + plan.service() + " refused by Weir: " + refusal.description());
    }
    return Answer.to(request, ticket);
  }

  private void pace(long until, @Nullable Call call, CallDecision ticket) throws IOException {
    for (long left; (left = until - gate.engine.now()) > 0; ) {
      if (Thread.currentThread().isInterrupted()) {
        gate.abandon(ticket);
        throw new InterruptedIOException("interrupted while waiting for a rate limit");
      }
      if (Calls.canceled(call)) {
        gate.abandon(ticket);
        throw new IOException("Canceled");
      }
      LockSupport.parkNanos(this, Math.min(left, CANCEL_CHECK_NANOS));
    }
    ticket.outcome().started(gate.engine.now());
  }

  private Response answered(
      ServicePlan plan, Response response, Outcome outcome, @Nullable Deadline deadline) {
    try {
      if (response.code() >= 400
          && response.header(Refusal.REJECTED) != null
          && gate.isRegistered(plan, outcome.instance(), response.request().url())) {
        outcome.shed();
      }
      boolean over = outcome.answered(response.code());
      ResponseBody body = response.body();
      if (body == null
          || deadline == null && (over || outcome.isOnlyCounted())
          || response.code() == 101
          || body.contentLength() == 0
          || response.request().method().equals("HEAD")) {
        if (deadline != null) {
          deadline.over();
        }
        outcome.endedAtOnce();
        return response;
      }
      Response watched =
          deadline == null && outcome.isWatched() && !isDecoded(response, body)
              ? response
              : response.newBuilder().body(new WatchedBody(body, outcome, deadline)).build();
      gate.bodies.add(outcome, outcome.answeredAt());
      return watched;
    } catch (Throwable t) {
      Gate.failedOpen(t);
      outcome.endedAtOnce();
      return response;
    }
  }

  /** Decoding may fail where the network does not; whoever decodes takes the length away. */
  private static boolean isDecoded(Response response, ResponseBody body) {
    Response network = response.networkResponse();
    return body.contentLength() < 0
        && network != null
        && network.header("Content-Encoding") != null;
  }
}
