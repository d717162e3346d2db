import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.http.Header;
import org.apache.http.HttpEntity;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.HttpResponse;
import org.apache.http.client.HttpClient;
import org.apache.http.client.methods.HttpEntityEnclosingRequestBase;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpRequestBase;
import org.apache.http.entity.StringEntity;
import org.apache.http.impl.client.DefaultHttpClient;
import org.apache.http.message.BasicHttpRequest;
import org.apache.http.protocol.BasicHttpContext;
import org.apache.http.protocol.ExecutionContext;
import org.apache.http.protocol.HttpContext;
import org.apache.http.util.EntityUtils;

/** Apache HttpClient 4. What differs between versions is in {@code Clients}. */
public final class Library implements Calls {
  private final Clients clients = new Clients();
  private final Map<String, HttpClient> known = new ConcurrentHashMap<>();

  private static final class Get extends HttpRequestBase {
    @Override
    public String getMethod() {
      return "GET";
    }
  }

  private static final class Post extends HttpEntityEnclosingRequestBase {
    @Override
    public String getMethod() {
      return "POST";
    }
  }

  private HttpClient client(Ask ask) {
    String kind = Clients.kind(ask);
    return ask.client.equals("fresh")
        ? clients.client(ask)
        : known.computeIfAbsent(kind, k -> clients.client(ask));
  }

  @Override
  public void make(Ask ask, Result result) throws Exception {
    HttpRequestBase request = ask.method.equals("POST") ? new Post() : new Get();
    request.setURI(URI.create(ask.url));
    ask.headers.forEach(request::setHeader);
    if (request instanceof Post) {
      ((Post) request).setEntity(new StringEntity("some", "UTF-8"));
    }
    Clients.configure(request, ask);
    result.onCancel(request::abort);
    HttpClient client = client(ask);
    if (ask.way.equals("handler")) {
      client.execute(
          request,
          response -> {
            String body = body(response);
            result.answered(status(response), n -> header(response, n), null, body);
            return null;
          });
      return;
    }
    HttpContext context = new BasicHttpContext();
    HttpResponse response = client.execute(request, context);
    String body = body(response);
    result.answered(status(response), n -> header(response, n), url(context), body);
  }

  private static int status(HttpResponse response) {
    return response.getStatusLine().getStatusCode();
  }

  private static String header(HttpResponse response, String name) {
    Header h = response.getFirstHeader(name);
    return h == null ? null : h.getValue();
  }

  /** Reading to the end, or failing to, gives the connection back. */
  private static String body(HttpResponse response) throws IOException {
    HttpEntity entity = response.getEntity();
    return entity == null ? "" : EntityUtils.toString(entity);
  }

  private static String url(HttpContext context) {
    HttpHost host = (HttpHost) context.getAttribute(ExecutionContext.HTTP_TARGET_HOST);
    HttpRequest last = (HttpRequest) context.getAttribute(ExecutionContext.HTTP_REQUEST);
    return host == null || last == null ? null : host.toURI() + last.getRequestLine().getUri();
  }

  @Override
  public int busy() {
    return clients.busy();
  }

  @Override
  public String webSocket(String url, String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String own(String what, String url) throws Exception {
    switch (what) {
      case "default":
        return alternating(new DefaultHttpClient(), url);
      case "reused":
        return reused(url);
      case "resttemplate":
      case "feign":
        // by name: not every class path has what it needs
        return (String)
            Class.forName("Riders")
                .getMethod("call", String.class, String.class)
                .invoke(null, what, url);
      case "relative":
        return relative(URI.create(url));
      default:
        return clients.own(what, url);
    }
  }

  /** Calls for two instances in turn, with a client whose manager has one connection. */
  private static String alternating(HttpClient client, String url) throws Exception {
    StringBuilder said = new StringBuilder();
    for (int i = 0; i < 4; i++) {
      HttpGet request = new HttpGet(url);
      if (i % 2 == 1) {
        request.setHeader("X-Canary", "true");
      }
      HttpResponse r = client.execute(request);
      String body = body(r);
      said.append(status(r)).append(' ').append(body.split(" ")[0]).append(' ');
    }
    return said.toString();
  }

  /** One request object, twice: what is done for the first call must not show in the second. */
  private String reused(String url) throws Exception {
    HttpClient client = client(new Ask(new String[] {"execute", url}));
    HttpGet request = new HttpGet(url);
    StringBuilder said = new StringBuilder();
    for (int i = 0; i < 2; i++) {
      try {
        HttpResponse r = client.execute(request);
        body(r);
        said.append(status(r)).append(' ');
      } catch (InterruptedIOException e) {
        said.append(e.getMessage()).append(' ');
      }
    }
    return said
        + "headers="
        + request.getAllHeaders().length
        + " cancelled="
        + request.isAborted();
  }

  /** A request that names no host, and that nobody can abort. */
  private String relative(URI url) throws Exception {
    HttpClient client = client(new Ask(new String[] {"execute", url.toString()}));
    HttpHost target = new HttpHost(url.getHost(), url.getPort(), url.getScheme());
    HttpResponse r = client.execute(target, new BasicHttpRequest("GET", url.getRawPath()));
    return status(r) + " " + body(r);
  }
}
