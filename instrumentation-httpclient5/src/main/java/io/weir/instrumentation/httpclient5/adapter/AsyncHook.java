package io.weir.instrumentation.httpclient5.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientGate;
import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;
import org.jspecify.annotations.Nullable;

/**
 * Called around {@code doExecute} of an asynchronous client. Puts an {@link AsyncExchange} between
 * the library and the application's producer, consumer and callback.
 */
public final class AsyncHook extends Hook {
  // indices in the array of arguments; see AsyncInstrumentation
  private static final int CONTEXT = 3;
  private static final int EXCHANGE = 5;

  private final ClientGate<HttpRequest, HttpResponse> gate;

  public AsyncHook(Engine engine) {
    gate =
        new ClientGate<HttpRequest, HttpResponse>(engine, new HttpClient5Library(engine.service()));
  }

  /**
   * @param a0 array of target, producer, consumer, context, callback, and an element for the
   *     exchange
   * @return the same array with its elements replaced; null: no change
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    Object[] arguments = (Object[]) a0;
    if (arguments == null || arguments[1] == null || arguments[2] == null) {
      return null; // the library throws for these
    }
    if (arguments[CONTEXT] == null) {
      arguments[CONTEXT] = HttpClientContext.create();
    }
    arguments[EXCHANGE] = new AsyncExchange<Object>(gate, arguments);
    return arguments;
  }

  /** Returns the future for the application. */
  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown) {
    Object[] arguments = (Object[]) state;
    return arguments == null ? result : ((AsyncExchange<?>) arguments[EXCHANGE]).returned(result);
  }
}
