package io.weir.instrumentation.urlconnection.adapter;

import io.weir.engine.call.Paths;
import io.weir.instrumentation.api.client.ClientLibrary;
import io.weir.instrumentation.api.common.FailureTable;
import io.weir.instrumentation.api.common.HostPort;
import io.weir.instrumentation.api.common.QueryString;
import io.weir.instrumentation.api.common.RefusalView;
import io.weir.instrumentation.api.pacing.PacedThreads;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * How Weir reads a connection. Rules see a request as the application made it, without what the JDK
 * adds later, such as cookies of a {@code CookieHandler}. A call's handle is its {@link UrlCall}.
 */
final class UrlConnectionLibrary extends ClientLibrary<UrlRequest, UrlRequest> {
  private static final FailureTable FAILURES = new FailureTable();

  UrlConnectionLibrary(String service) {
    super(service);
  }

  @Override
  public @Nullable String header(UrlRequest request, String name) {
    Iterator<String> values = ConnectionState.headers(request.connection(), name);
    return values.hasNext() ? values.next() : null;
  }

  @Override
  public @Nullable String headers(UrlRequest request, String name) {
    Iterator<String> values = ConnectionState.headers(request.connection(), name);
    if (!values.hasNext()) {
      return null;
    }
    StringBuilder joined = new StringBuilder(values.next());
    while (values.hasNext()) {
      joined.append(", ").append(values.next());
    }
    return joined.toString();
  }

  @Override
  public @Nullable String query(UrlRequest request, String name) {
    return QueryString.first(request.url.getQuery(), name);
  }

  @Override
  public String path(UrlRequest request) {
    String path = request.url.getPath();
    return path.isEmpty() ? "/" : Paths.ofUri(path);
  }

  @Override
  public String method(UrlRequest request) {
    return request.method;
  }

  @Override
  public @Nullable String host(UrlRequest request) {
    return HostPort.host(request.url.getHost());
  }

  @Override
  public int port(UrlRequest request) {
    return UrlRequest.port(request.url);
  }

  /** The very request: it is made once, and is not the application's any more by now. */
  @Override
  public UrlRequest with(UrlRequest request, String[] headers) {
    for (int i = 0; i < headers.length; i += 2) {
      ConnectionState.setHeader(request.connection(), headers[i], headers[i + 1]);
    }
    return request;
  }

  @Override
  public int status(UrlRequest answer) {
    return answer.status;
  }

  @Override
  public @Nullable String answerHeader(UrlRequest answer, String name) {
    return answer.connection().getHeaderField(name);
  }

  @Override
  public UrlRequest refused(UrlRequest request, RefusalView refusal) {
    ConnectionState.refuse(request.connection(), refusal);
    return request;
  }

  @Override
  public FailureTable failures() {
    return FAILURES;
  }

  @Override
  public boolean isCancelled(Object handle) {
    return ((UrlCall) handle).isCancelled();
  }

  /** Elsewhere: closing a TLS connection may take a moment. */
  @Override
  public void cancel(Object handle) {
    PacedThreads.handingOver(((UrlCall) handle)::close).run();
  }
}
