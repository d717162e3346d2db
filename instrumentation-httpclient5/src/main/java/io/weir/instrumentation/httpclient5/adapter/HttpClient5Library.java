package io.weir.instrumentation.httpclient5.adapter;

import io.weir.engine.call.Paths;
import io.weir.instrumentation.api.client.ClientLibrary;
import io.weir.instrumentation.api.common.FailureTable;
import io.weir.instrumentation.api.common.HostPort;
import io.weir.instrumentation.api.common.QueryString;
import io.weir.instrumentation.api.common.RefusalView;
import java.util.Iterator;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.hc.client5.http.ConnectTimeoutException;
import org.apache.hc.client5.http.UnsupportedSchemeException;
import org.apache.hc.client5.http.config.Configurable;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.core5.concurrent.Cancellable;
import org.apache.hc.core5.concurrent.CancellableDependency;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ConnectionRequestTimeoutException;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.ProtocolException;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.message.BasicClassicHttpRequest;
import org.apache.hc.core5.http.message.BasicClassicHttpResponse;
import org.apache.hc.core5.net.URIAuthority;
import org.jspecify.annotations.Nullable;

/**
 * How Weir reads requests and responses of HttpClient 5, classic and asynchronous. Rules see a
 * request as the application made it, without what HttpClient adds later, such as cookies of its
 * store. A call's handle is the object that cancels it: a {@link SentRequest} or an {@link
 * AsyncExchange}.
 */
final class HttpClient5Library extends ClientLibrary<HttpRequest, HttpResponse> {
  private static final FailureTable FAILURES =
      new FailureTable()
          .connect(ConnectTimeoutException.class)
          .local(ConnectionRequestTimeoutException.class) // no connection of the pool became free
          .local(UnsupportedSchemeException.class)
          .cancelled(CancellationException.class, null) // null: whatever its message
          // not an IOException; classic clients wrap it in one
          .target(ProtocolException.class);

  HttpClient5Library(String service) {
    super(service);
  }

  /**
   * Sets scheme and authority of a request if the application left them out. The library would set
   * the same ones on the same request a little later, but rules need them now.
   */
  static void complete(HttpRequest request, @Nullable HttpHost target) {
    if (target != null) {
      if (request.getScheme() == null) {
        request.setScheme(target.getSchemeName());
      }
      if (request.getAuthority() == null) {
        request.setAuthority(new URIAuthority(target));
      }
    }
  }

  @Override
  public @Nullable String header(HttpRequest request, String name) {
    Header h = request.getFirstHeader(name);
    return h == null ? null : h.getValue();
  }

  @Override
  public @Nullable String headers(HttpRequest request, String name) {
    Header[] all = request.getHeaders(name);
    if (all.length < 2) {
      return all.length == 0 ? null : all[0].getValue();
    }
    StringBuilder joined = new StringBuilder();
    for (Header h : all) {
      joined.append(joined.length() == 0 ? "" : ", ").append(h.getValue());
    }
    return joined.toString();
  }

  @Override
  public @Nullable String query(HttpRequest request, String name) {
    return QueryString.ofUri(request.getPath(), name);
  }

  @Override
  public String path(HttpRequest request) {
    String path = request.getPath();
    int query = path == null ? -1 : path.indexOf('?');
    return path == null ? "/" : Paths.ofUri(query < 0 ? path : path.substring(0, query));
  }

  @Override
  public String method(HttpRequest request) {
    return request.getMethod();
  }

  @Override
  public @Nullable String host(HttpRequest request) {
    URIAuthority a = request.getAuthority();
    String host = a == null ? null : a.getHostName();
    return host != null && host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  @Override
  public int port(HttpRequest request) {
    URIAuthority a = request.getAuthority();
    return HostPort.port(a == null ? -1 : a.getPort(), request.getScheme());
  }

  @Override
  public HttpRequest with(HttpRequest request, String[] headers) {
    SentRequest sent = new SentRequest(request);
    for (int i = 0; i < headers.length; i += 2) {
      sent.setHeader(headers[i], headers[i + 1]);
    }
    return sent;
  }

  @Override
  public int status(HttpResponse answer) {
    return answer.getCode();
  }

  @Override
  public @Nullable String answerHeader(HttpResponse answer, String name) {
    Header h = answer.getFirstHeader(name);
    return h == null ? null : h.getValue();
  }

  @Override
  public FailureTable failures() {
    return FAILURES;
  }

  @Override
  public boolean isCancelled(Object handle) {
    return handle instanceof CancellableDependency
        && ((CancellableDependency) handle).isCancelled();
  }

  @Override
  public void cancel(Object handle) {
    if (handle instanceof Cancellable) {
      ((Cancellable) handle).cancel();
    }
  }

  @Override
  public BasicClassicHttpResponse refused(HttpRequest request, RefusalView refusal) {
    BasicClassicHttpResponse r = new BasicClassicHttpResponse(refusal.status(), refusal.reason());
    r.setHeader("Content-Type", refusal.printableContentType());
    r.setHeader("Content-Length", refusal.body().length);
    refusal.printableHeaders(r::setHeader);
    if (!request.getMethod().equals("HEAD")) {
      ContentType type = ContentType.parseLenient(refusal.printableContentType());
      r.setEntity(new ByteArrayEntity(refusal.body().clone(), type));
    }
    return r;
  }

  /**
   * A copy of the application's request, sent in its place with headers added or replaced. The
   * application's own request is not changed. When a route's time is up, this copy is cancelled and
   * the application's request is not.
   */
  static final class SentRequest extends BasicClassicHttpRequest
      implements CancellableDependency, Configurable {
    private static final long serialVersionUID = 1L;

    /** A value of {@link #dependency}: the request is cancelled. Its own result is not used. */
    private static final Cancellable CANCELLED = () -> false;

    private final transient HttpRequest original;

    /** What cancels the exchange at present, as the library sets it; null: nothing is set yet. */
    private final transient AtomicReference<@Nullable Cancellable> dependency =
        new AtomicReference<@Nullable Cancellable>();

    SentRequest(HttpRequest original) {
      super(original.getMethod(), null, original.getPath());
      this.original = original;
      setVersion(original.getVersion());
      setScheme(original.getScheme());
      setAuthority(original.getAuthority());
      for (Iterator<Header> i = original.headerIterator(); i.hasNext(); ) {
        addHeader(i.next());
      }
      if (original instanceof ClassicHttpRequest) {
        setEntity(((ClassicHttpRequest) original).getEntity());
      }
    }

    @Override
    public @Nullable RequestConfig getConfig() {
      return original instanceof Configurable ? ((Configurable) original).getConfig() : null;
    }

    @Override
    public void setDependency(Cancellable next) {
      Cancellable before = dependency.get();
      if (before == CANCELLED || !dependency.compareAndSet(before, next)) {
        next.cancel();
      } else if (original instanceof CancellableDependency) {
        ((CancellableDependency) original).setDependency(next);
      }
    }

    @Override
    public boolean isCancelled() {
      return dependency.get() == CANCELLED
          || original instanceof CancellableDependency
              && ((CancellableDependency) original).isCancelled();
    }

    @Override
    public boolean cancel() {
      Cancellable before = dependency.getAndSet(CANCELLED);
      return before != null && before.cancel();
    }
  }
}
