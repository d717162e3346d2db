package io.weir.agent.coverage;

import static io.weir.agent.coverage.Library.Side.CLIENT;
import static io.weir.agent.coverage.Library.Side.SERVER;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The well-known libraries through which HTTP and gRPC calls enter or leave a JVM: those that Weir
 * governs, and those that it does not, so that it can say so.
 *
 * <p>Libraries that ride on another one (RestTemplate, Feign, Jersey on HttpURLConnection;
 * WebClient on Reactor Netty) are reported as the one that makes the call.
 */
public final class Libraries {
  private static final List<String> ANY = Collections.singletonList("*");

  private static final List<Library> ALL =
      Collections.unmodifiableList(
          Arrays.asList(
              governed(
                  "Tomcat",
                  SERVER,
                  "servlet",
                  "org.apache.catalina.",
                  "org.apache.catalina.core.ApplicationFilterChain"),
              governed(
                  "Jetty servlets",
                  SERVER,
                  "servlet",
                  "org.eclipse.jetty.",
                  "org.eclipse.jetty.servlet.ServletHandler",
                  "org.eclipse.jetty.ee8.servlet.ServletHandler",
                  "org.eclipse.jetty.ee9.servlet.ServletHandler",
                  "org.eclipse.jetty.ee10.servlet.ServletHandler",
                  "org.eclipse.jetty.ee11.servlet.ServletHandler"),
              governed(
                  "Undertow servlets",
                  SERVER,
                  "servlet",
                  "io.undertow.",
                  "io.undertow.servlet.handlers.ServletDispatchingHandler"),
              governed("gRPC server", SERVER, "grpc", "io.grpc.", "io.grpc.internal.ServerImpl"),
              governed(
                  "gRPC client", CLIENT, "grpc", "io.grpc.", "io.grpc.internal.ManagedChannelImpl"),
              governed("OkHttp", CLIENT, "okhttp", "okhttp3.", "okhttp3.OkHttpClient"),
              // clients that no instrumentation governs
              other(
                  "HttpURLConnection",
                  CLIENT,
                  "sun.net.www.",
                  "sun.net.www.protocol.http.HttpURLConnection"),
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
                  "Apache HttpClient 5",
                  CLIENT,
                  "org.apache.hc.client5.",
                  "org.apache.hc.client5.http.impl.classic.InternalHttpClient",
                  "org.apache.hc.client5.http.impl.classic.MinimalHttpClient",
                  "org.apache.hc.client5.http.impl.async.InternalHttpAsyncClient",
                  "org.apache.hc.client5.http.impl.async.InternalH2AsyncClient",
                  "org.apache.hc.client5.http.impl.async.MinimalHttpAsyncClient",
                  "org.apache.hc.client5.http.impl.async.MinimalH2AsyncClient"),
              other(
                  "Apache HttpClient 4",
                  CLIENT,
                  "org.apache.http.impl.client.",
                  "org.apache.http.impl.client.InternalHttpClient",
                  "org.apache.http.impl.client.MinimalHttpClient",
                  "org.apache.http.impl.client.AbstractHttpClient"),
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

  /** By binary name, with dots. */
  private static final Map<String, Library> BY_CLASS = new HashMap<String, Library>();

  static {
    for (Library l : ALL) {
      for (String c : l.classes) {
        BY_CLASS.put(c, l);
      }
    }
  }

  private Libraries() {}

  /** All of them, governed ones first. */
  public static List<Library> all() {
    return ALL;
  }

  /** The library of an entry class, or null. */
  public static @Nullable Library ofEntryClass(String binaryName) {
    return BY_CLASS.get(binaryName);
  }

  /** Names of all entry classes, with dots. */
  public static Iterable<String> entryClasses() {
    return BY_CLASS.keySet();
  }

  private static Library governed(
      String name, Library.Side side, String module, String prefix, String... classes) {
    return new Library(name, side, module, prefix, Collections.<String>emptyList(), classes);
  }

  private static Library other(String name, Library.Side side, String prefix, String... classes) {
    return new Library(name, side, null, prefix, Collections.<String>emptyList(), classes);
  }

  private static Library below(
      String name, Library.Side side, String prefix, List<String> below, String... classes) {
    return new Library(name, side, null, prefix, below, classes);
  }
}
