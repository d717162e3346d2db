package io.weir.instrumentation.api.client;

import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Instead;
import io.weir.engine.gate.Engine;
import org.jspecify.annotations.Nullable;

/**
 * Makes the calls of a client that holds its caller's thread, in the stead of the woven method. So
 * there is one decision for each call of the application, around all that the library does below
 * (retries, redirects, authentication, its cache). To send a call, the {@link Exchange} calls the
 * client again, with a request by which the hook knows that the call was decided.
 */
public abstract class BlockingHook<Q, R> extends Hook {
  private final ClientGate<Q, R> gate;

  protected BlockingHook(Engine engine, ClientLibrary<Q, R> library) {
    gate = new ClientGate<Q, R>(engine, library);
  }

  /**
   * Makes a call, up to its answer's status and headers, if a rule concerns it or it needs headers.
   *
   * @param request also the handle of the call, until {@link Exchange#prepare} gives another one
   * @param client the object that makes it, for {@link #exchange}
   * @param target where to, as the library says it beside the request; null: it does not
   * @param context of the call; null: the library has none
   * @return what the woven method returns or throws; null: it runs
   */
  protected final @Nullable Instead make(
      Q request, Object client, @Nullable Object target, @Nullable Object context) {
    ClientCall<Q, R> call = gate.decide(request, request);
    // no rule concerns the call: it may still get headers, then a copy is sent
    Q sent = call == null ? gate.propagate(request) : request;
    if (call == null && sent == request) {
      return null;
    }
    try {
      Exchange<Q, R> below = exchange(request, client, target, context);
      if (call == null) {
        return new Instead(below.send(sent));
      }
      // false: the call has not waited for its turn yet
      R answer = call.make(CurrentCall.cell(), false, below);
      return new Instead(call.admitted() ? watched(call, below, answer) : below.refused(answer));
    } catch (Throwable t) {
      return Instead.throwing(t);
    }
  }

  /** How the library makes the call. */
  protected abstract Exchange<Q, R> exchange(
      Q request, Object client, @Nullable Object target, @Nullable Object context);

  private static <Q, R> Object watched(ClientCall<Q, R> call, Exchange<Q, R> below, R answer) {
    try {
      return below.answered(call, answer);
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
      call.endedAtOnce();
      return answer;
    }
  }
}
