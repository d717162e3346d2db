package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Instead;
import io.weir.engine.gate.Engine;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/**
 * Makes the call on a client derived from the application's: same pool, dispatcher, cache,
 * listeners and interceptors, with the {@link Governor} in front of them. The application's own
 * client never changes, and clients that existed before the agent are governed too.
 */
public final class NewCallHook extends Hook {
  private final DerivedClients clients;

  public NewCallHook(Engine engine) {
    clients = new DerivedClients(engine);
  }

  /**
   * @return the call to return instead, or null: it is made on one of our clients already
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    OkHttpClient client = (OkHttpClient) self;
    if (a0 == null || Governor.of(client) != null) {
      return null;
    }
    return new Instead(clients.of(client).newCall(Calls.withColour((Request) a0)));
  }
}
