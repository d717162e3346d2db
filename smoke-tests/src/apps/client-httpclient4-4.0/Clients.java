import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.client.HttpClient;
import org.apache.http.conn.params.ConnManagerParams;
import org.apache.http.conn.params.ConnPerRouteBean;
import org.apache.http.conn.params.ConnRoutePNames;
import org.apache.http.conn.scheme.PlainSocketFactory;
import org.apache.http.conn.scheme.Scheme;
import org.apache.http.conn.scheme.SchemeRegistry;
import org.apache.http.conn.ssl.SSLSocketFactory;
import org.apache.http.impl.client.DefaultHttpClient;
import org.apache.http.impl.conn.tsccm.ThreadSafeClientConnManager;
import org.apache.http.params.BasicHttpParams;
import org.apache.http.params.HttpConnectionParams;
import org.apache.http.params.HttpParams;

/** The clients there were before 4.3. */
final class Clients {
  private final List<ThreadSafeClientConnManager> pools = new CopyOnWriteArrayList<>();

  /**
   * Which client a call needs. 4.0 sets a time-out when a connection is opened, and not when it is
   * used again: so a call with another time-out has another client.
   */
  static String kind(Ask ask) {
    return ask.client + " " + ask.readTimeout;
  }

  HttpClient client(Ask ask) {
    HttpParams params = new BasicHttpParams();
    int most = ask.client.equals("one") ? 1 : 100;
    ConnManagerParams.setMaxTotalConnections(params, most);
    ConnManagerParams.setMaxConnectionsPerRoute(params, new ConnPerRouteBean(most));
    SchemeRegistry schemes = new SchemeRegistry();
    schemes.register(new Scheme("http", PlainSocketFactory.getSocketFactory(), 80));
    schemes.register(new Scheme("https", SSLSocketFactory.getSocketFactory(), 443));
    ThreadSafeClientConnManager pool = new ThreadSafeClientConnManager(params, schemes);
    pools.add(pool);
    DefaultHttpClient client = new DefaultHttpClient(pool, params);
    if (ask.proxyPort() > 0) {
      client
          .getParams()
          .setParameter(
              ConnRoutePNames.DEFAULT_PROXY, new HttpHost("127.0.0.1", ask.proxyPort()));
    }
    return client;
  }

  static void configure(HttpRequest request, Ask ask) {
    if (ask.readTimeout > 0) {
      HttpConnectionParams.setSoTimeout(request.getParams(), ask.readTimeout);
    }
  }

  /** The pool tells of all its connections: without the idle ones, those at work are left. */
  int busy() {
    int busy = 0;
    for (ThreadSafeClientConnManager pool : pools) {
      pool.closeIdleConnections(0, TimeUnit.MILLISECONDS);
      busy += pool.getConnectionsInPool();
    }
    return busy;
  }

  String own(String what, String url) {
    throw new UnsupportedOperationException(what);
  }
}
