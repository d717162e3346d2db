package io.weir.instrumentation.httpclient5.adapter;

import io.weir.bootstrap.Instead;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.BlockingHook;
import io.weir.instrumentation.api.client.BodyTracker;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.ClientGate;
import io.weir.instrumentation.api.client.Exchange;
import io.weir.instrumentation.api.client.TrackedInputStream;
import io.weir.instrumentation.httpclient5.adapter.HttpClient5Library.SentRequest;
import io.weir.instrumentation.httpclient5.adapter.RouteHook.Destination;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.CloseableHttpResponse;
import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.io.entity.HttpEntityWrapper;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.http.protocol.HttpCoreContext;
import org.jspecify.annotations.Nullable;

/**
 * Makes a call of the classic client instead of the woven method ({@link BlockingHook}). To send
 * it, the client is called again with a {@link SentRequest}, which the hook lets pass.
 *
 * <p>A call ends when the body of its response has been read or closed, so its entity is watched.
 */
public final class ClassicHook extends BlockingHook<HttpRequest, HttpResponse> {
  /**
   * {@code CloseableHttpResponse.adapt}: makes the response that a client must return out of a
   * refusal. There is no other way to make one, and before 5.4 the method is not public.
   */
  private static final Method ADAPT;

  static {
    try {
      ADAPT = CloseableHttpResponse.class.getDeclaredMethod("adapt", ClassicHttpResponse.class);
      ADAPT.setAccessible(true); // public from 5.4 on
    } catch (NoSuchMethodException e) {
      throw new IllegalStateException(e);
    }
  }

  public ClassicHook(Engine engine) {
    super(engine, new HttpClient5Library(engine.service()));
  }

  /**
   * @param a0 the target; null: the request has it
   * @param a1 the request
   * @param a2 the context; null: the application gave none
   * @return an {@link Instead} with the response or exception; null: the woven method runs
   */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) {
    if (a1 == null || a1 instanceof SentRequest) {
      return null;
    }
    HttpClient5Library.complete((HttpRequest) a1, (HttpHost) a0);
    return make((HttpRequest) a1, self, a0, a2);
  }

  @Override
  protected Exchange<HttpRequest, HttpResponse> exchange(
      HttpRequest request, Object client, @Nullable Object target, @Nullable Object context) {
    return new Below(
        (CloseableHttpClient) client,
        (HttpHost) target,
        request,
        context == null ? HttpClientContext.create() : (HttpContext) context);
  }

  /** Sends the call: the client is called again, and does all it would do without Weir. */
  private static final class Below implements Exchange<HttpRequest, HttpResponse> {
    private final CloseableHttpClient client;
    private final @Nullable HttpHost target;
    private final HttpRequest request;
    private final HttpContext context;

    Below(
        CloseableHttpClient client,
        @Nullable HttpHost target,
        HttpRequest request,
        HttpContext context) {
      this.client = client;
      this.target = target;
      this.request = request;
      this.context = context;
    }

    @Override
    public HttpRequest prepare(ClientCall<HttpRequest, HttpResponse> call, HttpRequest sent) {
      HttpRequest ours = sent instanceof SentRequest ? sent : new SentRequest(sent);
      call.handle(ours);
      try {
        call.note(Destination.of(call.destination(), target, sent));
      } catch (Throwable t) {
        // nothing else may be sent: the hook would take it for another call of the application
        ClientGate.failedOpen(t);
      }
      return ours;
    }

    @Override
    public CloseableHttpResponse send(HttpRequest sent) throws IOException {
      return client.execute(target, (ClassicHttpRequest) sent, context);
    }

    @Override
    public HttpResponse answered(ClientCall<HttpRequest, HttpResponse> call, HttpResponse answer) {
      ClassicHttpResponse classic = (ClassicHttpResponse) answer;
      HttpEntity entity = classic.getEntity();
      // after a redirect or an authentication it is another request than the application's
      HttpRequest last = (HttpRequest) context.getAttribute(HttpCoreContext.HTTP_REQUEST);
      if (call.awaitsBody(answer, last == null ? request : last, entity != null)
          && entity != null) {
        classic.setEntity(new WatchedEntity(entity, call));
        call.watch();
      }
      return answer;
    }

    @Override
    public Object refused(HttpResponse refusal) throws ReflectiveOperationException {
      return ADAPT.invoke(null, refusal);
    }
  }

  /** A response's body, which tells the call how reading it ends. */
  private static final class WatchedEntity extends HttpEntityWrapper {
    private final BodyTracker call;
    private @Nullable InputStream content;

    WatchedEntity(HttpEntity entity, BodyTracker call) {
      super(entity);
      this.call = call;
    }

    @Override
    public @Nullable InputStream getContent() throws IOException {
      InputStream c = content;
      if (c == null || isRepeatable()) {
        InputStream of = super.getContent();
        c = of == null ? null : new TrackedInputStream(of, call);
        content = c;
      }
      return c;
    }

    @Override
    public void writeTo(OutputStream out) throws IOException {
      try (InputStream in = getContent()) {
        byte[] buffer = new byte[4096];
        for (int n; in != null && (n = in.read(buffer)) >= 0; ) {
          out.write(buffer, 0, n);
        }
      }
    }

    @Override
    public void close() throws IOException {
      try {
        super.close();
      } finally {
        call.endedAtOnce();
      }
    }
  }
}
