package io.weir.instrumentation.okhttp.adapter;

import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.ClientGate;
import io.weir.instrumentation.api.client.CurrentCall;
import io.weir.instrumentation.api.client.Exchange;
import java.io.IOException;
import java.util.List;
import okhttp3.Call;
import okhttp3.Dns;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.jspecify.annotations.Nullable;

/**
 * The first interceptor of a derived client ({@link NewCallHook}). It decides each call of the
 * application once.
 *
 * <p><b>Its place.</b> It is before the application's own interceptors. So a refused call runs none
 * of them. What they and OkHttp do below (redirects, authentication, silent retries, the cache)
 * belongs to the one call and its one outcome. They see the application's request with its URL, and
 * the headers that a routing rule sets. {@link Destination} says how the request gets to the chosen
 * instance.
 *
 * <p><b>Outcome.</b> An answer counts by its status when its body has been read or closed, because
 * the body may still fail. The body is watched where OkHttp opens it on the network ({@link
 * BodyHook}), and the application gets OkHttp's own answer. It gets a copy with a watched body only
 * in these cases: OkHttp is older than 3.14; the answer does not come from the network, or is
 * decoded on its way; the time-out of a routing rule must show in the exception.
 *
 * <p><b>Waiting.</b> A paced call by {@code execute} waits on its caller's thread. Cancelling the
 * call or interrupting the thread ends the wait and gives the tokens back. A call by {@code
 * enqueue} was decided before it comes here, and has waited without a thread: {@link RunHook}.
 *
 * <p>Any thread; no lock.
 */
final class Governor implements Interceptor {
  private final ClientGate<Request, Response> gate;
  private final Dns dns;

  Governor(ClientGate<Request, Response> gate, Dns dns) {
    this.gate = gate;
    this.dns = dns;
  }

  /**
   * The governor of a derived client; null: the client is not derived. Looks at all interceptors,
   * because another agent may have put its own in front.
   */
  static @Nullable Governor of(OkHttpClient client) {
    List<Interceptor> all = client.interceptors();
    for (int i = 0; i < all.size(); i++) {
      if (all.get(i) instanceof Governor) {
        return (Governor) all.get(i);
      }
    }
    return null;
  }

  ClientGate<Request, Response> gate() {
    return gate;
  }

  @Override
  public Response intercept(Chain chain) throws IOException {
    Request request = chain.request();
    Call handle = OkHttpLibrary.callOf(chain);
    Object[] cell = CurrentCall.cell();
    ClientCall<Request, Response> made = CurrentCall.takeDecided(cell, gate, handle);
    ClientCall<Request, Response> call = made == null ? gate.decide(request, handle) : made;
    if (call != null) {
      Response response = call.make(cell, made != null, new Below(chain, dns));
      return call.admitted() ? answered(response, call) : response;
    }
    // an interceptor of another call may make this one: that other call is not this one's
    ClientCall<?, ?> before = CurrentCall.swap(cell, null);
    try {
      return chain.proceed(gate.propagate(request));
    } finally {
      CurrentCall.swap(cell, before);
    }
  }

  /** The rest of the chain. If a routing rule chose an instance, the call is sent there. */
  private static final class Below implements Exchange<Request, Response> {
    private final Chain chain;
    private final Dns dns;
    private @Nullable Destination destination;

    Below(Chain chain, Dns dns) {
      this.chain = chain;
      this.dns = dns;
    }

    @Override
    public Request prepare(ClientCall<Request, Response> call, Request sent) {
      destination = Destination.of(call.destination(), chain.request().url(), dns);
      call.note(destination);
      return sent;
    }

    @Override
    public Response send(Request sent) throws IOException {
      Response response = chain.proceed(sent);
      if (destination != null && !destination.taken() && response.networkResponse() != null) {
        ClientGate.failedOpen(
            new IllegalStateException("the call was not retargeted to " + destination));
      }
      return response;
    }
  }

  private static Response answered(Response response, ClientCall<Request, Response> call) {
    try {
      ResponseBody body = response.body();
      boolean hasBody =
          body != null
              && response.code() != 101
              && body.contentLength() != 0
              && !response.request().method().equals("HEAD");
      if (!call.awaitsBody(response, response.request(), hasBody) || body == null) {
        return response;
      }
      Response watched =
          !call.hasDeadline() && call.isWatched() && !isDecoded(response, body)
              ? response
              : response.newBuilder().body(new WatchedBody(body, call)).build();
      call.watch();
      return watched;
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
      call.endedAtOnce();
      return response;
    }
  }

  /**
   * Whether an interceptor decodes the body, which may fail although the network does not. What
   * decodes a body also removes its length.
   */
  private static boolean isDecoded(Response response, ResponseBody body) {
    Response network = response.networkResponse();
    return body.contentLength() < 0
        && network != null
        && network.header("Content-Encoding") != null;
  }
}
