import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.hc.client5.http.async.methods.SimpleHttpRequest;
import org.apache.hc.client5.http.async.methods.SimpleHttpResponse;
import org.apache.hc.client5.http.async.methods.SimpleRequestProducer;
import org.apache.hc.client5.http.async.methods.SimpleResponseConsumer;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.async.CloseableHttpAsyncClient;
import org.apache.hc.client5.http.impl.async.HttpAsyncClientBuilder;
import org.apache.hc.client5.http.impl.async.HttpAsyncClients;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.CloseableHttpResponse;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.client5.http.impl.nio.PoolingAsyncClientConnectionManager;
import org.apache.hc.client5.http.impl.nio.PoolingAsyncClientConnectionManagerBuilder;
import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.concurrent.FutureCallback;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.entity.StringEntity;
import org.apache.hc.core5.pool.ConnPoolControl;
import org.apache.hc.core5.reactor.IOReactorConfig;
import org.apache.hc.core5.util.Timeout;

/** Apache HttpClient 5: {@code execute} and {@code handler} of the classic client, {@code async}. */
public final class Library implements Calls {
  private final Map<String, CloseableHttpClient> classic = new ConcurrentHashMap<>();
  private final Map<String, CloseableHttpAsyncClient> async = new ConcurrentHashMap<>();
  private final Map<CloseableHttpAsyncClient, ConnPoolControl<?>> asyncPools =
      new ConcurrentHashMap<>();
  private final List<ConnPoolControl<?>> pools = new CopyOnWriteArrayList<>();

  private CloseableHttpClient classic(Ask ask) {
    return ask.client.equals("fresh")
        ? classic("fresh")
        : classic.computeIfAbsent(ask.client, this::classic);
  }

  private CloseableHttpClient classic(String kind) {
    PoolingHttpClientConnectionManager pool = new PoolingHttpClientConnectionManager();
    pool.setMaxTotal(kind.equals("one") ? 1 : 100);
    pool.setDefaultMaxPerRoute(kind.equals("one") ? 1 : 100);
    pools.add(pool);
    HttpClientBuilder b = HttpClients.custom().setConnectionManager(pool);
    if (kind.startsWith("proxy:")) {
      b.setProxy(new HttpHost("127.0.0.1", Integer.parseInt(kind.substring(6))));
    }
    return b.build();
  }

  private CloseableHttpAsyncClient async(Ask ask) {
    return ask.client.equals("fresh")
        ? async("fresh")
        : async.computeIfAbsent(ask.client, this::async);
  }

  private CloseableHttpAsyncClient async(String kind) {
    CloseableHttpAsyncClient client;
    if (kind.equals("h2")) {
      client = HttpAsyncClients.createHttp2Default();
    } else {
      PoolingAsyncClientConnectionManager pool =
          PoolingAsyncClientConnectionManagerBuilder.create()
              .setMaxConnTotal(kind.equals("one") ? 1 : 100)
              .setMaxConnPerRoute(kind.equals("one") ? 1 : 100)
              .build();
      pools.add(pool);
      HttpAsyncClientBuilder b =
          HttpAsyncClients.custom()
              .setConnectionManager(pool)
              .setIOReactorConfig(
                  IOReactorConfig.custom()
                      .setIoThreadCount(kind.equals("few") ? 4 : 2)
                      .build());
      if (kind.startsWith("proxy:")) {
        b.setProxy(new HttpHost("127.0.0.1", Integer.parseInt(kind.substring(6))));
      }
      client = b.build();
      asyncPools.put(client, pool);
    }
    client.start();
    return client;
  }

  private static RequestConfig config(Ask ask) {
    RequestConfig.Builder b = RequestConfig.custom();
    if (ask.proxyPort() > 0) {
      b.setProxy(new HttpHost("127.0.0.1", ask.proxyPort()));
    }
    return b.setResponseTimeout(Timeout.ofMilliseconds(ask.readTimeout)).build();
  }

  @Override
  public void make(Ask ask, Result result) throws Exception {
    if (ask.way.equals("async")) {
      makeAsync(ask, result);
      return;
    }
    HttpUriRequestBase request = new HttpUriRequestBase(ask.method, URI.create(ask.url));
    ask.headers.forEach(request::setHeader);
    if (ask.method.equals("POST")) {
      request.setEntity(new StringEntity("some", ContentType.TEXT_PLAIN));
    }
    if (ask.readTimeout > 0) {
      request.setConfig(config(ask));
    }
    result.onCancel(request::abort);
    CloseableHttpClient client = classic(ask);
    if (ask.way.equals("handler")) {
      client.execute(
          request,
          response -> {
            String body = EntityUtils.toString(response.getEntity());
            result.answered(response.getCode(), n -> header(response, n), null, body);
            return null;
          });
      return;
    }
    HttpClientContext context = HttpClientContext.create();
    try (CloseableHttpResponse r = client.execute(request, context)) {
      String body = EntityUtils.toString(r.getEntity());
      String url =
          context.getRequest() == null ? null : context.getRequest().getUri().toString();
      result.answered(r.getCode(), n -> header(r, n), url, body);
    }
  }

  private static String header(HttpResponse response, String name) {
    Header h = response.getFirstHeader(name);
    return h == null ? null : h.getValue();
  }

  private void makeAsync(Ask ask, Result result) {
    SimpleHttpRequest request = new SimpleHttpRequest(ask.method, URI.create(ask.url));
    ask.headers.forEach(request::setHeader);
    if (ask.method.equals("POST")) {
      request.setBody("some", ContentType.TEXT_PLAIN);
    }
    if (ask.readTimeout > 0) {
      request.setConfig(config(ask));
    }
    CloseableHttpAsyncClient client = async(ask);
    Future<?> future =
        client.execute(
                SimpleRequestProducer.create(request),
                SimpleResponseConsumer.create(),
                new FutureCallback<SimpleHttpResponse>() {
                  @Override
                  public void completed(SimpleHttpResponse r) {
                    result.answered(r.getCode(), n -> header(r, n), null, body(r));
                  }

                  @Override
                  public void failed(Exception e) {
                    result.failed(e);
                  }

                  @Override
                  public void cancelled() {
                    result.failed(new IllegalStateException("cancelled"));
                  }
                });
    result.onCancel(
        () -> {
          future.cancel(true);
          // over a connection that is used again, the library goes on with what was cancelled:
          // such connections are busy until their target answers, agent or not
          async.values().remove(client);
          ConnPoolControl<?> pool = asyncPools.remove(client);
          pools.remove(pool);
        });
  }

  private static String body(SimpleHttpResponse r) {
    byte[] body = r.getBodyBytes();
    return body == null ? "" : new String(body, StandardCharsets.UTF_8);
  }

  @Override
  public int busy() {
    int busy = 0;
    for (ConnPoolControl<?> pool : pools) {
      busy += pool.getTotalStats().getLeased() + pool.getTotalStats().getPending();
    }
    return busy;
  }

  @Override
  public String webSocket(String url, String text) {
    throw new UnsupportedOperationException();
  }

  /** Calls of the clients that only this library has, and how a future tells of its end. */
  @Override
  public String own(String what, String url) throws Exception {
    switch (what) {
      case "minimal":
        try (CloseableHttpClient client = HttpClients.createMinimal();
            CloseableHttpResponse r =
                client.execute(new HttpGet(url), HttpClientContext.create())) {
          return r.getCode() + " " + EntityUtils.toString(r.getEntity());
        }
      case "virtual":
        return virtual(URI.create(url));
      case "reused":
        return reused(url);
      case "minimal-async":
        return future(HttpAsyncClients.createMinimal(), url);
      case "minimal-h2":
        return future(HttpAsyncClients.createHttp2Minimal(), url);
      case "future":
        return future(HttpAsyncClients.createDefault(), url);
      default:
        throw new UnsupportedOperationException(what);
    }
  }

  private String virtual(URI url) throws Exception {
    CloseableHttpClient client = classic.computeIfAbsent("", this::classic);
    HttpHost elsewhere = new HttpHost("https", "nowhere.invalid", 443);
    try (CloseableHttpResponse r = client.execute(elsewhere, new HttpGet(url))) {
      return r.getCode() + " " + EntityUtils.toString(r.getEntity());
    }
  }

  /** One request object, twice: what is done for the first call must not show in the second. */
  private String reused(String url) throws Exception {
    CloseableHttpClient client = classic.computeIfAbsent("", this::classic);
    HttpGet request = new HttpGet(url);
    StringBuilder said = new StringBuilder();
    for (int i = 0; i < 2; i++) {
      try (CloseableHttpResponse r = client.execute(request)) {
        said.append(r.getCode()).append(' ');
        EntityUtils.consume(r.getEntity());
      } catch (java.io.InterruptedIOException e) {
        said.append(e.getMessage()).append(' ');
      }
    }
    return said + "headers=" + request.getHeaders().length + " cancelled=" + request.isAborted();
  }

  private static String future(CloseableHttpAsyncClient client, String url) throws Exception {
    client.start();
    try {
      SimpleHttpRequest request = new SimpleHttpRequest("GET", URI.create(url));
      Future<SimpleHttpResponse> future =
          client.execute(
              SimpleRequestProducer.create(request), SimpleResponseConsumer.create(), null);
      try {
        SimpleHttpResponse r = future.get(30, TimeUnit.SECONDS);
        return r.getCode() + " " + body(r);
      } catch (ExecutionException e) {
        return "threw " + e.getCause() + " cancelled=" + future.isCancelled();
      }
    } finally {
      client.close();
    }
  }
}
