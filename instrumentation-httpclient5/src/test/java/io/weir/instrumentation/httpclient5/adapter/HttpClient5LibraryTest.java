package io.weir.instrumentation.httpclient5.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.outcome.Failure;
import io.weir.instrumentation.httpclient5.adapter.HttpClient5Library.SentRequest;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hc.client5.http.ConnectTimeoutException;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.core5.http.ConnectionRequestTimeoutException;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.ProtocolException;
import org.apache.hc.core5.http.io.entity.StringEntity;
import org.junit.jupiter.api.Test;

class HttpClient5LibraryTest {
  private final HttpClient5Library library = new HttpClient5Library("shop");

  @Test
  void aRequestIsReadAsTheApplicationWroteIt() {
    HttpGet get = new HttpGet("http://pay:81/x%20y?q=%C3%A4&q=2");
    get.addHeader("X-A", "1");
    get.addHeader("x-a", "2");
    assertThat(library.host(get)).isEqualTo("pay");
    assertThat(library.port(get)).isEqualTo(81);
    assertThat(library.path(get)).isEqualTo("/x y");
    assertThat(library.query(get, "q")).isEqualTo("\u00e4");
    assertThat(library.query(get, "r")).isNull();
    assertThat(library.method(get)).isEqualTo("GET");
    assertThat(library.header(get, "X-a")).isEqualTo("1");
    assertThat(library.headers(get, "X-a")).isEqualTo("1, 2");
    assertThat(library.headers(get, "X-b")).isNull();
    assertThat(library.port(new HttpGet("https://pay/"))).isEqualTo(443);
    assertThat(library.port(new HttpGet("http://pay/"))).isEqualTo(80);
    assertThat(library.host(new HttpGet("http://[::1]:8080/"))).isEqualTo("::1");
  }

  @Test
  void aRequestWithoutAnAuthorityGetsItsTargets() {
    HttpGet get = new HttpGet("/x");
    assertThat(library.host(get)).isNull();
    HttpClient5Library.complete(get, new HttpHost("https", "pay", 8443));
    assertThat(library.host(get)).isEqualTo("pay");
    assertThat(library.port(get)).isEqualTo(8443);
  }

  @Test
  void whatIsSentIsACopyWithOurHeaders() {
    HttpPost post = new HttpPost("http://pay/x?y");
    post.setHeader("X-A", "1");
    post.setEntity(new StringEntity("some"));
    post.setConfig(RequestConfig.DEFAULT);
    HttpRequest sent = library.with(post, new String[] {"X-A", "2", "X-B", "3"});
    assertThat(sent).asString().isEqualTo("POST http://pay/x?y");
    assertThat(library.headers(sent, "X-A")).isEqualTo("2");
    assertThat(library.header(sent, "X-B")).isEqualTo("3");
    assertThat(((SentRequest) sent).getEntity()).isSameAs(post.getEntity());
    assertThat(((SentRequest) sent).getConfig()).isSameAs(RequestConfig.DEFAULT);
    assertThat(post.getHeaders()).hasSize(1);
  }

  @Test
  void cancellingTheApplicationsRequestCancelsWhatIsSentAndNotTheOtherWayRound() {
    AtomicInteger cancelled = new AtomicInteger();
    HttpGet get = new HttpGet("http://pay/");
    SentRequest sent = new SentRequest(get);
    sent.setDependency(() -> cancelled.incrementAndGet() > 0);
    assertThat(library.isCancelled(sent)).isFalse();
    library.cancel(sent);
    assertThat(cancelled).hasValue(1);
    assertThat(library.isCancelled(sent)).isTrue();
    assertThat(library.isCancelled(get)).isFalse();
    sent.setDependency(() -> cancelled.incrementAndGet() > 0);
    assertThat(cancelled).as("too late for another").hasValue(2);

    SentRequest again = new SentRequest(get);
    again.setDependency(() -> cancelled.incrementAndGet() > 0);
    get.cancel();
    assertThat(cancelled).hasValue(3);
    assertThat(library.isCancelled(again)).isTrue();
  }

  @Test
  void failuresAreToldApart() {
    assertThat(failure(new ConnectTimeoutException("x"))).isEqualTo(Failure.CONNECT);
    assertThat(failure(new ConnectException("x"))).isEqualTo(Failure.CONNECT);
    assertThat(failure(new SocketTimeoutException("x"))).isEqualTo(Failure.TIMEOUT);
    assertThat(failure(new ConnectionRequestTimeoutException("x"))).isEqualTo(Failure.LOCAL);
    assertThat(failure(new UnknownHostException("x"))).isEqualTo(Failure.LOCAL);
    assertThat(failure(new IllegalStateException("x"))).isEqualTo(Failure.LOCAL);
    assertThat(failure(new CancellationException("x"))).isEqualTo(Failure.CANCELLED);
    assertThat(failure(new ProtocolException("x"))).isEqualTo(Failure.EXCEPTION);
  }

  private Failure failure(Throwable t) {
    return library.failures().of(t, false, false);
  }
}
