package io.weir.agent.coverage;

import static io.weir.instrumentation.Library.Side.CLIENT;
import static io.weir.instrumentation.Library.Side.SERVER;

import io.weir.instrumentation.Library;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The libraries through which HTTP and gRPC calls enter or leave a JVM: those that modules govern,
 * as they say themselves, and well-known ones that none does, so that Weir can say so. Immutable.
 *
 * <p>Libraries that ride on another one (RestTemplate, Feign, Jersey on HttpURLConnection;
 * WebClient on Reactor Netty) are reported as the one that makes the call.
 */
public final class Libraries {
  private static final List<String> ANY = Collections.singletonList("*");

  private static final List<Library> NOT_GOVERNED =
      Collections.unmodifiableList(
          Arrays.asList(
              // clients that no instrumentation governs
              other(
                  "WebLogic HttpURLConnection",
                  CLIENT,
                  "weblogic.net.http.",
                  "weblogic.net.http.HttpURLConnection"),
              other(
                  "java.net.http",
                  CLIENT,
                  "jdk.internal.net.http.",
                  "jdk.internal.net.http.HttpClientImpl"),
              other(
                  "Apache HttpAsyncClient 4",
                  CLIENT,
                  "org.apache.http.impl.nio.client.",
                  "org.apache.http.impl.nio.client.InternalHttpAsyncClient",
                  "org.apache.http.impl.nio.client.MinimalHttpAsyncClient"),
              other(
                  "commons-httpclient 3",
                  CLIENT,
                  "org.apache.commons.httpclient.",
                  "org.apache.commons.httpclient.HttpClient"),
              other(
                  "Reactor Netty client",
                  CLIENT,
                  "reactor.netty.http.client.",
                  "reactor.netty.http.client.HttpClientConnect"),
              other(
                  "Jetty client",
                  CLIENT,
                  "org.eclipse.jetty.client.",
                  "org.eclipse.jetty.client.HttpClient"),
              other(
                  "async-http-client",
                  CLIENT,
                  "org.asynchttpclient.",
                  "org.asynchttpclient.DefaultAsyncHttpClient"),
              other(
                  "async-http-client 1",
                  CLIENT,
                  "com.ning.http.client.",
                  "com.ning.http.client.AsyncHttpClient"),
              other("OkHttp 2", CLIENT, "com.squareup.okhttp.", "com.squareup.okhttp.OkHttpClient"),
              other(
                  "Vert.x HTTP client",
                  CLIENT,
                  "io.vertx.core.http.impl.",
                  "io.vertx.core.http.impl.HttpClientImpl"),
              other(
                  "Micronaut HTTP client",
                  CLIENT,
                  "io.micronaut.http.client.",
                  "io.micronaut.http.client.netty.DefaultHttpClient"),
              other(
                  "Armeria client",
                  CLIENT,
                  "com.linecorp.armeria.client.",
                  "com.linecorp.armeria.client.HttpClientFactory"),
              other(
                  "AWS SDK Netty client",
                  CLIENT,
                  "software.amazon.awssdk.http.nio.netty.",
                  "software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient"),
              below(
                  "Netty HTTP client codec",
                  CLIENT,
                  "io.netty.handler.codec.http.",
                  ANY,
                  "io.netty.handler.codec.http.HttpClientCodec"),
              // servers that no instrumentation governs
              other(
                  "JDK HttpServer", SERVER, "sun.net.httpserver.", "sun.net.httpserver.ServerImpl"),
              other(
                  "Reactor Netty server",
                  SERVER,
                  "reactor.netty.http.server.",
                  "reactor.netty.http.server.HttpServerBind"),
              other(
                  "Vert.x HTTP server",
                  SERVER,
                  "io.vertx.core.http.impl.",
                  "io.vertx.core.http.impl.HttpServerImpl"),
              other(
                  "Grizzly",
                  SERVER,
                  "org.glassfish.grizzly.",
                  "org.glassfish.grizzly.http.server.HttpServer"),
              other(
                  "Helidon",
                  SERVER,
                  "io.helidon.webserver.",
                  "io.helidon.webserver.LoomServer",
                  "io.helidon.webserver.NettyWebServer"),
              other(
                  "Armeria server",
                  SERVER,
                  "com.linecorp.armeria.server.",
                  "com.linecorp.armeria.server.Server"),
              other("Akka HTTP", SERVER, "akka.http.", "akka.http.scaladsl.HttpExt"),
              other(
                  "Pekko HTTP",
                  SERVER,
                  "org.apache.pekko.http.",
                  "org.apache.pekko.http.scaladsl.HttpExt"),
              below(
                  "Undertow handlers without servlets",
                  SERVER,
                  "io.undertow.server.",
                  Collections.singletonList("Undertow servlets"),
                  "io.undertow.Undertow"),
              below(
                  "Jetty handlers without servlets",
                  SERVER,
                  "org.eclipse.jetty.server.",
                  Collections.singletonList("Jetty servlets"),
                  "org.eclipse.jetty.server.Server"),
              below(
                  "Netty HTTP server codec",
                  SERVER,
                  "io.netty.handler.codec.http.",
                  ANY,
                  "io.netty.handler.codec.http.HttpServerCodec")));

  private final List<Library> all;

  /** By binary name, with dots. */
  private final Map<String, Library> byClass = new HashMap<String, Library>();

  /**
   * @param governed what the modules cover; one of these takes the place of what is known here of
   *     the same entry class, and of those the first
   */
  public Libraries(List<Library> governed) {
    List<Library> known = new ArrayList<Library>(governed);
    for (Library l : governed) {
      put(l);
    }
    for (Library l : NOT_GOVERNED) {
      if (Collections.disjoint(l.classes, byClass.keySet())) {
        known.add(l);
        put(l);
      }
    }
    all = Collections.unmodifiableList(known);
  }

  private void put(Library library) {
    for (String c : library.classes) {
      byClass.putIfAbsent(c, library);
    }
  }

  /** All of them, governed ones first. */
  public List<Library> all() {
    return all;
  }

  /** The library of an entry class, or null. */
  public @Nullable Library ofEntryClass(String binaryName) {
    return byClass.get(binaryName);
  }

  /** Names of all entry classes, with dots. */
  public Iterable<String> entryClasses() {
    return byClass.keySet();
  }

  private static Library other(String name, Library.Side side, String prefix, String... classes) {
    return below(name, side, prefix, Collections.<String>emptyList(), classes);
  }

  private static Library below(
      String name, Library.Side side, String prefix, List<String> below, String... classes) {
    return Library.notGoverned(name, side, prefix, below, classes);
  }
}
