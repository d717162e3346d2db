package io.weir.instrumentation.httpclient4.adapter;

import io.weir.bootstrap.Instead;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.BlockingHook;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.Exchange;
import io.weir.instrumentation.api.client.TrackedInputStream;
import io.weir.instrumentation.httpclient4.adapter.HttpClient4Library.CloseableAnswer;
import io.weir.instrumentation.httpclient4.adapter.HttpClient4Library.SentRequest;
import io.weir.instrumentation.httpclient4.adapter.RouteHook.Destination;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.apache.http.HttpEntity;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.HttpResponse;
import org.apache.http.client.HttpClient;
import org.apache.http.entity.HttpEntityWrapper;
import org.apache.http.protocol.BasicHttpContext;
import org.apache.http.protocol.ExecutionContext;
import org.apache.http.protocol.HttpContext;
import org.jspecify.annotations.Nullable;

/**
 * Makes a call of a client instead of the woven method ({@link BlockingHook}). To send it, the
 * client is called again with a {@link SentRequest}, which the hook lets pass.
 *
 * <p>A call ends when the body of its response has been read or closed, so its entity is watched.
 */
public final class ExecuteHook extends BlockingHook<HttpRequest, HttpResponse> {
  public ExecuteHook(Engine engine) {
    super(engine, new HttpClient4Library(engine.service()));
  }

  /**
   * @param a0 the target; null: the application gave none, and its request names none
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
    HttpHost target = (HttpHost) a0;
    HttpRequest request = HttpClient4Library.complete((HttpRequest) a1, target, (HttpClient) self);
    return make(request, self, target, a2);
  }

  @Override
  protected Exchange<HttpRequest, HttpResponse> exchange(
      HttpRequest request, Object client, @Nullable Object target, @Nullable Object context) {
    return new Below(
        (HttpClient) client,
        (HttpHost) target,
        request,
        context == null ? new BasicHttpContext() : (HttpContext) context);
  }

  /** Sends the call: the client is called again, and does all it would do without Weir. */
  private static final class Below implements Exchange<HttpRequest, HttpResponse> {
    private final HttpClient client;
    private final @Nullable HttpHost target;
    private final HttpRequest request;
    private final HttpContext context;

    Below(HttpClient client, @Nullable HttpHost target, HttpRequest request, HttpContext context) {
      this.client = client;
      this.target = target;
      this.request = request;
      this.context = context;
    }

    @Override
    public HttpRequest prepare(ClientCall<HttpRequest, HttpResponse> call, HttpRequest sent) {
      SentRequest ours =
          sent instanceof SentRequest ? (SentRequest) sent : SentRequest.of(sent, null);
      call.handle(ours);
      call.note(
          Destination.of(
              call.destination(), target != null ? target : HttpClient4Library.target(sent)));
      return ours;
    }

    @Override
    public HttpResponse send(HttpRequest sent) throws IOException {
      return client.execute(target, sent, context);
    }

    @Override
    public HttpResponse answered(ClientCall<HttpRequest, HttpResponse> call, HttpResponse answer) {
      HttpEntity entity = answer.getEntity();
      // after a redirect it may be another host than the application's
      Object last = context.getAttribute(ExecutionContext.HTTP_TARGET_HOST);
      if (!call.awaitsBody(
              answer, HttpClient4Library.sentTo(request, (HttpHost) last), entity != null)
          || entity == null) {
        return answer;
      }
      HttpEntity watched = new WatchedEntity(entity, call);
      HttpResponse given = answer;
      if (HttpClient4Library.CLOSEABLE) {
        given = CloseableAnswer.of(answer, call);
      }
      given.setEntity(watched);
      call.watch();
      return given;
    }
  }

  /** A response's body, which tells the call how reading it ends. */
  private static final class WatchedEntity extends HttpEntityWrapper {
    private final ClientCall<?, ?> call;
    private @Nullable InputStream content;

    WatchedEntity(HttpEntity entity, ClientCall<?, ?> call) {
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
    @Deprecated
    public void consumeContent() throws IOException {
      try {
        super.consumeContent();
      } catch (IOException e) {
        IOException late = call.failed(e);
        throw late == null ? e : late;
      }
      call.endedAtOnce();
    }
  }
}
