import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.http.HttpHost;
import org.apache.http.client.HttpClient;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpRequestBase;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClientBuilder;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.impl.conn.PoolingHttpClientConnectionManager;
import org.apache.http.util.EntityUtils;

/** The clients of 4.3 and newer. */
final class Clients {
  private final List<PoolingHttpClientConnectionManager> pools = new CopyOnWriteArrayList<>();

  /** Which client a call needs. */
  static String kind(Ask ask) {
    return ask.client;
  }

  HttpClient client(Ask ask) {
    PoolingHttpClientConnectionManager pool = new PoolingHttpClientConnectionManager();
    pool.setMaxTotal(ask.client.equals("one") ? 1 : 100);
    pool.setDefaultMaxPerRoute(ask.client.equals("one") ? 1 : 100);
    pools.add(pool);
    HttpClientBuilder b = HttpClients.custom().setConnectionManager(pool);
    if (ask.proxyPort() > 0) {
      b.setProxy(new HttpHost("127.0.0.1", ask.proxyPort()));
    }
    return b.build();
  }

  static void configure(HttpRequestBase request, Ask ask) {
    if (ask.readTimeout > 0) {
      RequestConfig.Builder b = RequestConfig.custom().setSocketTimeout(ask.readTimeout);
      if (ask.proxyPort() > 0) {
        b.setProxy(new HttpHost("127.0.0.1", ask.proxyPort()));
      }
      request.setConfig(b.build());
    }
  }

  int busy() {
    int busy = 0;
    for (PoolingHttpClientConnectionManager pool : pools) {
      busy += pool.getTotalStats().getLeased() + pool.getTotalStats().getPending();
    }
    return busy;
  }

  String own(String what, String url) throws Exception {
    switch (what) {
      case "minimal":
        try (CloseableHttpClient client = HttpClients.createMinimal();
            CloseableHttpResponse r = client.execute(new HttpGet(url))) {
          return r.getStatusLine().getStatusCode() + " " + EntityUtils.toString(r.getEntity());
        }
      case "mute":
        return mute(url);
      case "unread":
        return unread(url);
      default:
        throw new UnsupportedOperationException(what);
    }
  }

  /** Nobody answers to the beginning of TLS. */
  private static String mute(String url) throws Exception {
    HttpGet get = new HttpGet(url);
    get.setConfig(RequestConfig.custom().setConnectTimeout(300).setSocketTimeout(60_000).build());
    try (CloseableHttpClient client = HttpClients.createDefault();
        CloseableHttpResponse r = client.execute(get)) {
      return "answered " + r.getStatusLine();
    } catch (IOException e) {
      return "threw " + e.getClass().getName();
    }
  }

  /** Closes responses without a look at their bodies. */
  private static String unread(String url) throws Exception {
    StringBuilder said = new StringBuilder();
    try (CloseableHttpClient client = HttpClients.createDefault()) {
      for (int i = 0; i < 3; i++) {
        try (CloseableHttpResponse r = client.execute(new HttpGet(url))) {
          said.append(r.getStatusLine().getStatusCode()).append(' ');
        }
      }
    }
    return said.toString();
  }
}
