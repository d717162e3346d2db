package io.weir.instrumentation.httpclient5.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientGate;
import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;
import org.jspecify.annotations.Nullable;

/** Puts an {@link AsyncExchange} between an asynchronous client and what it was handed. */
public final class AsyncHook extends Hook {
  private static final int CONTEXT = 3;
  private static final int EXCHANGE = 5;

  private final ClientGate<HttpRequest, HttpResponse> gate;

  public AsyncHook(Engine engine) {
    gate =
        new ClientGate<HttpRequest, HttpResponse>(engine, new HttpClient5Library(engine.service()));
  }

  /**
   * @param a0 target, producer, consumer, context, callback, and a place for the exchange
   * @return what stands in their places
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    Object[] arguments = (Object[]) a0;
    if (arguments == null || arguments[1] == null || arguments[2] == null) {
      return null; // the library complains
    }
    if (arguments[CONTEXT] == null) {
      arguments[CONTEXT] = HttpClientContext.create();
    }
    arguments[EXCHANGE] = new AsyncExchange<Object>(gate, arguments);
    return arguments;
  }

  /** With the future that the application is to get. */
  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown) {
    Object[] arguments = (Object[]) state;
    return arguments == null ? result : ((AsyncExchange<?>) arguments[EXCHANGE]).returned(result);
  }
}
