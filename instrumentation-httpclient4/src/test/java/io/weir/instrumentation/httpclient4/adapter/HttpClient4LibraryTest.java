package io.weir.instrumentation.httpclient4.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.outcome.Failure;
import io.weir.instrumentation.httpclient4.adapter.HttpClient4Library.SentRequest;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.http.HttpEntityEnclosingRequest;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.HttpVersion;
import org.apache.http.client.HttpClient;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.client.params.ClientPNames;
import org.apache.http.conn.ConnectTimeoutException;
import org.apache.http.conn.ConnectionPoolTimeoutException;
import org.apache.http.entity.StringEntity;
import org.apache.http.impl.client.DefaultHttpClient;
import org.apache.http.message.BasicHttpRequest;
import org.junit.jupiter.api.Test;

class HttpClient4LibraryTest {
  private static final HttpHost PAY = new HttpHost("pay", 8443, "https");

  private final HttpClient4Library library = new HttpClient4Library("shop");
  private final HttpClient client = new DefaultHttpClient();

  private HttpRequest complete(HttpRequest request, HttpHost target) {
    return HttpClient4Library.complete(request, target, client);
  }

  @Test
  void aRequestIsReadAsTheApplicationWroteIt() {
    HttpGet get = new HttpGet("http://pay:81/x%20y?q=%C3%A4&q=2");
    get.addHeader("X-A", "1");
    get.addHeader("x-a", "2");
    assertThat(complete(get, new HttpHost("pay", 81))).isSameAs(get);
    assertThat(library.host(get)).isEqualTo("pay");
    assertThat(library.port(get)).isEqualTo(81);
    assertThat(library.path(get)).isEqualTo("/x y");
    assertThat(library.query(get, "q")).isEqualTo("\u00e4");
    assertThat(library.query(get, "r")).isNull();
    assertThat(library.method(get)).isEqualTo("GET");
    assertThat(library.header(get, "X-a")).isEqualTo("1");
    assertThat(library.headers(get, "X-a")).isEqualTo("1,2");
    assertThat(library.headers(get, "X-b")).isNull();
    assertThat(library.port(new HttpGet("https://pay/"))).isEqualTo(443);
    assertThat(library.port(new HttpGet("http://pay"))).isEqualTo(80);
    assertThat(library.path(new HttpGet("http://pay"))).isEqualTo("/");
    assertThat(library.host(new HttpGet("http://[::1]:8080/"))).isEqualTo("::1");
  }

  @Test
  void aRequestThatNamesNoHostHasItsTargets() {
    for (HttpRequest r : new HttpRequest[] {new HttpGet("/x?q=1"), plain("/x?q=1")}) {
      HttpRequest complete = complete(r, PAY);
      assertThat(library.host(complete)).isEqualTo("pay");
      assertThat(library.port(complete)).isEqualTo(8443);
      assertThat(library.path(complete)).isEqualTo("/x");
      assertThat(library.query(complete, "q")).isEqualTo("1");
      assertThat(HttpClient4Library.target(complete)).isSameAs(PAY);
    }
    assertThat(library.host(complete(plain("/x"), null))).isNull();
    client.getParams().setParameter(ClientPNames.DEFAULT_HOST, PAY);
    assertThat(library.host(complete(plain("/x"), null))).isEqualTo("pay");
  }

  private static BasicHttpRequest plain(String uri) {
    return new BasicHttpRequest("GET", uri);
  }

  @Test
  void aMalformedUriIsSentAsItIs() {
    HttpRequest complete = complete(plain("/a|b?c"), PAY);
    assertThat(library.host(complete)).isEqualTo("pay");
    assertThat(library.path(complete)).isEqualTo("/a|b");
    assertThat(complete.getRequestLine().getUri()).isEqualTo("/a|b?c");
  }

  @Test
  void whatIsSentIsACopyWithOurHeaders() throws Exception {
    HttpPost post = new HttpPost("http://pay/x?y");
    post.setHeader("X-A", "1");
    post.setEntity(new StringEntity("some", "UTF-8"));
    post.setConfig(RequestConfig.DEFAULT);
    HttpRequest sent = library.with(post, new String[] {"X-A", "2", "X-B", "3"});
    assertThat(sent.getRequestLine()).hasToString("POST http://pay/x?y HTTP/1.1");
    assertThat(library.headers(sent, "X-A")).isEqualTo("2");
    assertThat(library.header(sent, "X-B")).isEqualTo("3");
    assertThat(((HttpEntityEnclosingRequest) sent).getEntity()).isSameAs(post.getEntity());
    assertThat(((SentRequest) sent).getConfig()).isSameAs(RequestConfig.DEFAULT);
    assertThat(post.getAllHeaders()).hasSize(1);
    assertThat(library.with(new HttpGet("http://pay/"), new String[0]))
        .as("no body, no Content-Length: 0")
        .isNotInstanceOf(HttpEntityEnclosingRequest.class);
    BasicHttpRequest old = new BasicHttpRequest("GET", "http://pay/", HttpVersion.HTTP_1_0);
    assertThat(SentRequest.of(old, null).getProtocolVersion()).isEqualTo(HttpVersion.HTTP_1_0);
  }

  @Test
  void abortingTheApplicationsRequestAbortsWhatIsSentAndNotTheOtherWayRound() {
    AtomicInteger aborted = new AtomicInteger();
    HttpGet get = new HttpGet("http://pay/");
    SentRequest sent = SentRequest.of(get, null);
    sent.setCancellable(() -> aborted.incrementAndGet() > 0);
    assertThat(library.isCancelled(sent)).isFalse();
    library.cancel(sent);
    assertThat(aborted).hasValue(1);
    assertThat(library.isCancelled(sent)).isTrue();
    assertThat(library.isCancelled(get)).isFalse();

    SentRequest again = SentRequest.of(get, null);
    again.setCancellable(() -> aborted.incrementAndGet() > 0);
    get.abort();
    assertThat(aborted).hasValue(2);
    assertThat(library.isCancelled(again)).isTrue();
  }

  @Test
  void failuresAreToldApart() {
    assertThat(failure(new ConnectTimeoutException("x"))).isEqualTo(Failure.CONNECT);
    assertThat(failure(new ConnectException("x"))).isEqualTo(Failure.CONNECT);
    assertThat(failure(new SocketTimeoutException("x"))).isEqualTo(Failure.TIMEOUT);
    assertThat(failure(new ConnectionPoolTimeoutException("x"))).isEqualTo(Failure.LOCAL);
    assertThat(failure(new UnknownHostException("x"))).isEqualTo(Failure.LOCAL);
    assertThat(failure(new IllegalStateException("x"))).isEqualTo(Failure.LOCAL);
  }

  private Failure failure(Throwable t) {
    return library.failures().of(t, false, false);
  }
}
