package io.weir.instrumentation.api.client;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.instrumentation.api.common.CookieHeader;
import io.weir.instrumentation.api.common.FailureTable;
import io.weir.instrumentation.api.common.RefusalView;
import org.jspecify.annotations.Nullable;

/**
 * What Weir has to know about a client library: how to read and copy its requests, how to read its
 * answers, how to make a refusal, and how its calls fail and are cancelled.
 *
 * <p>Without state; any thread. When a method throws, the call passes ungoverned.
 *
 * @param <Q> a request, as the application made it; what the library adds below is not in it
 * @param <R> an answer
 */
public abstract class ClientLibrary<Q, R> extends AttributeSource<Q> {
  private final String service;

  /**
   * @param service name of this JVM's service, which is the caller of all calls
   */
  protected ClientLibrary(String service) {
    this.service = service;
  }

  /** The port that the application wrote; where it wrote none, the default port of the scheme. */
  public abstract int port(Q request);

  /**
   * A copy of the request with more headers. The application's request stays as it is.
   *
   * @param headers name, value, name, value ... to be set in this order, each replacing what the
   *     request has
   */
  public abstract Q with(Q request, String[] headers);

  /** HTTP status of an answer. */
  public abstract int status(R answer);

  /** First value of an answer's header, or null. */
  public abstract @Nullable String answerHeader(R answer, String name);

  /**
   * The answer to a refused call, as if the target had given it; null: the library cannot make one,
   * so the refusal is thrown.
   */
  public abstract @Nullable R refused(Q request, RefusalView refusal);

  /** Which exception of this library is which kind of failure. */
  public abstract FailureTable failures();

  /**
   * Whether the application has cancelled a call.
   *
   * @param handle see {@link ClientCall#handle(Object)}
   */
  public boolean isCancelled(Object handle) {
    return false;
  }

  /**
   * Cancels a call, and the reading of its answer's body: the time that a routing rule allows
   * ({@code timeout_ms}) is up. Called on a thread of the agent, so it must not block.
   *
   * @param handle see {@link ClientCall#handle(Object)}
   */
  public void cancel(Object handle) {}

  /**
   * The time in nanos that the application allows for the whole call; 0: no limit.
   *
   * @param handle see {@link ClientCall#handle(Object)}
   */
  public long timeoutNanos(Object handle) {
    return 0;
  }

  /**
   * The traffic colour that the request keeps from the thread that made it; null: the colour of the
   * thread that makes the call counts.
   */
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
