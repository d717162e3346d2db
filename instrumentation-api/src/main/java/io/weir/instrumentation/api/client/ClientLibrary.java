package io.weir.instrumentation.api.client;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.instrumentation.api.common.CookieHeader;
import io.weir.instrumentation.api.common.FailureTable;
import io.weir.instrumentation.api.common.RefusalView;
import org.jspecify.annotations.Nullable;

/**
 * What a library must say about its requests and answers: all that only it knows.
 *
 * <p>Stateless; any thread that holds a request may ask about it. What it throws makes the call
 * pass ungoverned.
 *
 * @param <Q> a request, as the application made it; what the library adds below is not in it
 * @param <R> an answer
 */
public abstract class ClientLibrary<Q, R> extends AttributeSource<Q> {
  private final String service;

  /**
   * @param service this JVM's own: the caller of all calls
   */
  protected ClientLibrary(String service) {
    this.service = service;
  }

  /** Port of the address the application wrote, the scheme's own where it wrote none. */
  public abstract int port(Q request);

  /**
   * A request like this one, with headers of ours.
   *
   * @param headers name, value, name, value ... to be set in this order, each replacing what the
   *     request has
   */
  public abstract Q with(Q request, String[] headers);

  /** HTTP status of an answer. */
  public abstract int status(R answer);

  /** First value of an answer's header, or null. */
  public abstract @Nullable String answerHeader(R answer, String name);

  /** The answer to a refused call, as if the target had given it; null: it is thrown instead. */
  public abstract @Nullable R refused(Q request, RefusalView refusal);

  /** How calls of this library fail. */
  public abstract FailureTable failures();

  /**
   * Whether the application has cancelled a call.
   *
   * @param handle as {@link ClientGate#decide} got it
   */
  public boolean isCancelled(Object handle) {
    return false;
  }

  /**
   * Cancels a call, from a thread of the agent's; must do nothing that takes time.
   *
   * @param handle as {@link ClientGate#decide} got it
   */
  public void cancel(Object handle) {}

  /**
   * Nanos the application allows for the whole call; 0 for any.
   *
   * @param handle as {@link ClientGate#decide} got it
   */
  public long timeoutNanos(Object handle) {
    return 0;
  }

  /** The traffic colour a request carries from the thread it was made on; null: the thread's. */
  public @Nullable Colour colour(Q request) {
    return null;
  }

  @Override
  public @Nullable String cookie(Q request, String name) {
    return CookieHeader.value(header(request, "Cookie"), name);
  }

  @Override
  public final @Nullable String caller(Q request) {
    return service;
  }

  @Override
  public final boolean outbound() {
    return true;
  }
}
