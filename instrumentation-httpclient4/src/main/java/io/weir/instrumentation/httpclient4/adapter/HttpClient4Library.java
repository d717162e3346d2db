package io.weir.instrumentation.httpclient4.adapter;

import io.weir.engine.call.Paths;
import io.weir.instrumentation.api.client.BodyTracker;
import io.weir.instrumentation.api.client.ClientLibrary;
import io.weir.instrumentation.api.common.FailureTable;
import io.weir.instrumentation.api.common.HostPort;
import io.weir.instrumentation.api.common.QueryString;
import io.weir.instrumentation.api.common.RefusalView;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import org.apache.http.Header;
import org.apache.http.HttpEntity;
import org.apache.http.HttpEntityEnclosingRequest;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.HttpResponse;
import org.apache.http.HttpVersion;
import org.apache.http.ProtocolVersion;
import org.apache.http.RequestLine;
import org.apache.http.StatusLine;
import org.apache.http.client.HttpClient;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.AbortableHttpRequest;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.Configurable;
import org.apache.http.client.methods.HttpExecutionAware;
import org.apache.http.client.methods.HttpRequestBase;
import org.apache.http.client.methods.HttpUriRequest;
import org.apache.http.client.params.ClientPNames;
import org.apache.http.concurrent.Cancellable;
import org.apache.http.conn.ClientConnectionRequest;
import org.apache.http.conn.ConnectTimeoutException;
import org.apache.http.conn.ConnectionPoolTimeoutException;
import org.apache.http.conn.ConnectionReleaseTrigger;
import org.apache.http.entity.ByteArrayEntity;
import org.apache.http.impl.client.AbstractHttpClient;
import org.apache.http.message.BasicHttpResponse;
import org.apache.http.message.BasicStatusLine;
import org.apache.http.params.HttpParams;
import org.apache.http.params.HttpProtocolParams;
import org.jspecify.annotations.Nullable;

/**
 * How Weir reads requests and responses of HttpClient 4. Rules see a request as the application
 * made it, without what HttpClient adds later, such as cookies of its store. A call's handle is the
 * request that cancels it: the application's while the call waits, then a {@link SentRequest}.
 */
final class HttpClient4Library extends ClientLibrary<HttpRequest, HttpResponse> {
  /** Since 4.3 a client must return a {@code CloseableHttpResponse}; older versions have none. */
  static final boolean CLOSEABLE = hasCloseableResponses();

  private static final FailureTable FAILURES =
      new FailureTable()
          .local(ConnectionPoolTimeoutException.class) // it is a ConnectTimeoutException, too
          .connect(ConnectTimeoutException.class);

  HttpClient4Library(String service) {
    super(service);
  }

  private static boolean hasCloseableResponses() {
    try {
      Class.forName(
          "org.apache.http.client.methods.CloseableHttpResponse",
          false,
          HttpClient.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException before43) {
      return false;
    }
  }

  /**
   * The request itself if its URI names a host, else a copy that knows its target. The library
   * would find the target a little later, but rules need it now.
   */
  static HttpRequest complete(HttpRequest request, @Nullable HttpHost target, HttpClient client) {
    URI uri = uri(request);
    boolean named = uri != null && uri.getHost() != null;
    if (named && request instanceof HttpUriRequest) {
      return request;
    }
    Object to = named ? null : target;
    if (!named && to == null) {
      to = request.getParams().getParameter(ClientPNames.DEFAULT_HOST);
    }
    if (!named && to == null && client instanceof AbstractHttpClient) {
      to = client.getParams().getParameter(ClientPNames.DEFAULT_HOST);
    }
    return SentRequest.of(request, (HttpHost) to);
  }

  /** The request, or a copy that says where it was sent in the end: after redirects elsewhere. */
  static HttpRequest sentTo(HttpRequest request, @Nullable HttpHost last) {
    return last == null
            || last.getHostName().equalsIgnoreCase(hostOf(request))
                && HostPort.port(last.getPort(), last.getSchemeName()) == portOf(request)
        ? request
        : SentRequest.of(request, last);
  }

  /** The target of a request, from {@link SentRequest#to} or its URI, which then names a host. */
  static HttpHost target(HttpRequest request) {
    HttpHost to = to(request);
    if (to != null) {
      return to;
    }
    URI uri = ((HttpUriRequest) request).getURI();
    return new HttpHost(uri.getHost(), uri.getPort(), uri.getScheme());
  }

  private static @Nullable HttpHost to(HttpRequest request) {
    return request instanceof SentRequest ? ((SentRequest) request).to : null;
  }

  /** Null: the request has none, or the URI in its request line is malformed. */
  private static @Nullable URI uri(HttpRequest request) {
    if (request instanceof HttpUriRequest) {
      return ((HttpUriRequest) request).getURI();
    }
    try {
      return new URI(request.getRequestLine().getUri());
    } catch (URISyntaxException malformed) {
      return null;
    }
  }

  private static @Nullable String hostOf(HttpRequest request) {
    HttpHost to = to(request);
    URI uri = to == null ? uri(request) : null;
    String host = to != null ? to.getHostName() : uri == null ? null : uri.getHost();
    return host != null && host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  private static int portOf(HttpRequest request) {
    HttpHost to = to(request);
    if (to != null) {
      return HostPort.port(to.getPort(), to.getSchemeName());
    }
    URI uri = uri(request);
    return uri == null ? -1 : HostPort.port(uri.getPort(), uri.getScheme());
  }

  @Override
  public @Nullable String host(HttpRequest request) {
    return hostOf(request);
  }

  @Override
  public int port(HttpRequest request) {
    return portOf(request);
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
    List<String> values = new ArrayList<String>();
    for (Header h : all) {
      values.add(h.getValue());
    }
    return joined(values);
  }

  @Override
  public @Nullable String query(HttpRequest request, String name) {
    URI uri = uri(request);
    return uri != null
        ? QueryString.first(uri.getRawQuery(), name)
        : QueryString.ofUri(request.getRequestLine().getUri(), name);
  }

  @Override
  public String path(HttpRequest request) {
    URI uri = uri(request);
    String path = uri != null ? uri.getRawPath() : request.getRequestLine().getUri();
    int query = path == null ? -1 : path.indexOf('?');
    return path == null || path.isEmpty()
        ? "/"
        : Paths.ofUri(query < 0 ? path : path.substring(0, query));
  }

  private static String methodOf(HttpRequest request) {
    return request instanceof HttpUriRequest
        ? ((HttpUriRequest) request).getMethod()
        : request.getRequestLine().getMethod();
  }

  @Override
  public String method(HttpRequest request) {
    return methodOf(request);
  }

  @Override
  public HttpRequest with(HttpRequest request, String[] headers) {
    SentRequest sent = SentRequest.of(request, null);
    for (int i = 0; i < headers.length; i += 2) {
      sent.setHeader(headers[i], headers[i + 1]);
    }
    return sent;
  }

  @Override
  public int status(HttpResponse answer) {
    return answer.getStatusLine().getStatusCode();
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
    return handle instanceof HttpUriRequest && ((HttpUriRequest) handle).isAborted();
  }

  @Override
  public void cancel(Object handle) {
    if (handle instanceof SentRequest) {
      ((SentRequest) handle).abort();
    }
  }

  @Override
  public HttpResponse refused(HttpRequest request, RefusalView refusal) {
    StatusLine line = new BasicStatusLine(HttpVersion.HTTP_1_1, refusal.status(), refusal.reason());
    HttpResponse r = CLOSEABLE ? CloseableAnswer.refusal(line) : new BasicHttpResponse(line);
    r.setHeader("Content-Type", refusal.printableContentType());
    r.setHeader("Content-Length", Integer.toString(refusal.body().length));
    refusal.printableHeaders(r::setHeader);
    if (!methodOf(request).equals("HEAD")) {
      ByteArrayEntity body = new ByteArrayEntity(refusal.body().clone());
      body.setContentType(refusal.printableContentType());
      r.setEntity(body);
    }
    return r;
  }

  /**
   * A response as clients return it since 4.3: a refusal, or a copy of the library's own, whose
   * {@code close} does not come by its entity.
   */
  static final class CloseableAnswer extends BasicHttpResponse implements CloseableHttpResponse {
    private final @Nullable CloseableHttpResponse original;
    private final @Nullable BodyTracker call;

    private CloseableAnswer(
        StatusLine line, @Nullable CloseableHttpResponse original, @Nullable BodyTracker call) {
      super(line);
      this.original = original;
      this.call = call;
    }

    static HttpResponse refusal(StatusLine line) {
      return new CloseableAnswer(line, null, null);
    }

    /** A copy without entity; closing it closes the original, and ends the call. */
    static HttpResponse of(HttpResponse original, BodyTracker call) {
      CloseableAnswer copy =
          new CloseableAnswer(original.getStatusLine(), (CloseableHttpResponse) original, call);
      copy.setHeaders(original.getAllHeaders());
      if (original.getLocale() != null) { // null in 4.3
        copy.setLocale(original.getLocale());
      }
      copy.setParams(original.getParams());
      return copy;
    }

    @Override
    public void close() throws IOException {
      try {
        if (original != null) {
          original.close();
        }
      } finally {
        if (call != null) {
          call.endedAtOnce();
        }
      }
    }
  }

  /**
   * A copy of the application's request, sent in its place with headers added or replaced. The
   * application's own request is not changed. Aborting that aborts the copy. When a route's time is
   * up, the copy is aborted and the application's request is not.
   *
   * <p>Compiled for 4.3: methods of interfaces that older versions do not have are called by newer
   * ones only.
   */
  static class SentRequest extends HttpRequestBase {
    final HttpRequest original;

    /** Where it goes to; null: its URI names the host. */
    final @Nullable HttpHost to;

    private final String method;

    SentRequest(HttpRequest original, @Nullable HttpHost to) {
      this.original = original;
      this.to = to;
      method = methodOf(original);
      setURI(uri(original));
      setHeaders(original.getAllHeaders());
      if (original.getParams() != null) {
        setParams(original.getParams());
      }
      if (!(original instanceof HttpUriRequest)
          && !HttpVersion.HTTP_1_1.equals(original.getProtocolVersion())) {
        // before 4.3 the version of an HttpUriRequest is that of its parameters
        HttpParams own = original.getParams().copy();
        HttpProtocolParams.setVersion(own, original.getProtocolVersion());
        setParams(own);
      }
    }

    /**
     * @param to where it goes to; null: the request says it
     */
    static SentRequest of(HttpRequest request, @Nullable HttpHost to) {
      if (request instanceof SentRequest) {
        SentRequest copied = (SentRequest) request;
        return of(copied.original, to == null ? copied.to : to);
      }
      return request instanceof HttpEntityEnclosingRequest
          ? new WithEntity((HttpEntityEnclosingRequest) request, to)
          : new SentRequest(request, to);
    }

    @Override
    public String getMethod() {
      return method;
    }

    @Override
    public ProtocolVersion getProtocolVersion() {
      return original.getProtocolVersion();
    }

    @Override
    public RequestLine getRequestLine() {
      return getURI() == null ? original.getRequestLine() : super.getRequestLine();
    }

    @Override
    public @Nullable RequestConfig getConfig() {
      return original instanceof Configurable ? ((Configurable) original).getConfig() : null;
    }

    @Override
    public boolean isAborted() {
      return super.isAborted()
          || original instanceof HttpUriRequest && ((HttpUriRequest) original).isAborted();
    }

    @Override
    public void setCancellable(Cancellable cancellable) {
      super.setCancellable(cancellable);
      if (original instanceof HttpExecutionAware) {
        ((HttpExecutionAware) original).setCancellable(cancellable);
      }
    }

    @Override
    @Deprecated
    public void setConnectionRequest(ClientConnectionRequest connecting) {
      if (original instanceof AbortableHttpRequest) {
        try {
          ((AbortableHttpRequest) original).setConnectionRequest(connecting);
        } catch (IOException aborted) {
          abort();
        }
      }
      super.setConnectionRequest(connecting); // before 4.3 throws if it was aborted
    }

    @Override
    @Deprecated
    public void setReleaseTrigger(ConnectionReleaseTrigger connection) {
      if (original instanceof AbortableHttpRequest) {
        try {
          ((AbortableHttpRequest) original).setReleaseTrigger(connection);
        } catch (IOException aborted) {
          abort();
        }
      }
      super.setReleaseTrigger(connection); // before 4.3 throws if it was aborted
    }
  }

  /** A copy of a request that may have a body. */
  private static final class WithEntity extends SentRequest implements HttpEntityEnclosingRequest {
    private @Nullable HttpEntity entity;

    WithEntity(HttpEntityEnclosingRequest original, @Nullable HttpHost to) {
      super(original, to);
      entity = original.getEntity();
    }

    @Override
    public boolean expectContinue() {
      return ((HttpEntityEnclosingRequest) original).expectContinue();
    }

    @Override
    public void setEntity(@Nullable HttpEntity entity) {
      this.entity = entity;
    }

    @Override
    public @Nullable HttpEntity getEntity() {
      return entity;
    }
  }
}
