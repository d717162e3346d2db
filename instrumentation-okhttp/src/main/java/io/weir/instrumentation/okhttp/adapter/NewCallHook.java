package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Instead;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientGate;
import io.weir.instrumentation.api.common.DerivedCache;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Makes the call on a client that is derived from the application's. The derived client has the
 * same pool, dispatcher, cache, listeners and interceptors, and the {@link Governor} before them.
 * The application's own client never changes. Clients that were made before the agent came are
 * governed, too.
 *
 * <p>Deriving copies a few fields. Two threads may derive from one client at the same time: what
 * calls share (pool, dispatcher, open bodies) is the same in both.
 */
public final class NewCallHook extends Hook {
  private final DerivedCache<OkHttpClient, OkHttpClient> derived;

  public NewCallHook(Engine engine) {
    ClientGate<Request, Response> gate =
        new ClientGate<Request, Response>(engine, new OkHttpLibrary(engine.service()));
    derived = new DerivedCache<OkHttpClient, OkHttpClient>(client -> derive(client, gate));
  }

  /**
   * @return the call to return instead; null: the client is a derived one already
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    OkHttpClient client = (OkHttpClient) self;
    if (a0 == null || Governor.of(client) != null) {
      return null;
    }
    return new Instead(derived(client).newCall(OkHttpLibrary.withColour((Request) a0)));
  }

  OkHttpClient derived(OkHttpClient client) {
    return derived.of(client);
  }

  private static OkHttpClient derive(OkHttpClient client, ClientGate<Request, Response> gate) {
    OkHttpClient.Builder b = client.newBuilder();
    b.interceptors().add(0, new Governor(gate, client.dns()));
    return b.build();
  }
}
