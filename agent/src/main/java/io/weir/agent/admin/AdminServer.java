package io.weir.agent.admin;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The read-only admin endpoint: GET only, one daemon thread ({@code weir-admin}), off unless {@code
 * weir.admin.port} is set. On 127.0.0.1 unless {@code weir.admin.host} says another address, and
 * then for those only who bring a token.
 *
 * <p>Without a token the Host header must name the loopback, so that a web page cannot read it
 * through a name of its own (DNS rebinding). With one the token does that: a page does not know it.
 *
 * <p>A connection is for one request. It ends ten seconds after it began, whoever is slow: one that
 * sends its headers byte by byte, or one that does not read the answer. There are {@value
 * #MOST_CONNECTIONS} at most; a further one takes the place of the oldest, so slow ones keep nobody
 * out. Not the JDK's {@code HttpServer}: that one initialises java.util.logging, which belongs to
 * the application.
 */
public final class AdminServer implements AutoCloseable {
  private static final int MAX_REQUEST = 16 * 1024;
  private static final long LONGEST_MILLIS = 10_000;
  private static final int MOST_CONNECTIONS = 32;

  private final AdminAccess access;
  private final long longestMillis;

  /** Oldest first; of the admin thread alone. */
  private final Set<Channel> open = new LinkedHashSet<Channel>();

  private final Map<String, Page> pages = new TreeMap<String, Page>();
  private @Nullable NioEventLoopGroup threads;
  private int port;

  AdminServer(AdminAccess access) {
    this(access, LONGEST_MILLIS);
  }

  /**
   * @param longestMillis how long a connection may last
   */
  AdminServer(AdminAccess access, long longestMillis) {
    this.access = access;
    this.longestMillis = longestMillis;
  }

  private static final class Page {
    final String type;
    final UnaryOperator<String> text;

    Page(String type, UnaryOperator<String> text) {
      this.type = type;
      this.text = text;
    }
  }

  /** Adds a page; before {@link #start}. */
  public AdminServer page(String path, String contentType, Supplier<String> text) {
    return page(path, contentType, query -> text.get());
  }

  /**
   * As above.
   *
   * @param text of the page, for what stands behind the question mark; empty for nothing
   */
  public AdminServer page(String path, String contentType, UnaryOperator<String> text) {
    pages.put(path, new Page(contentType, text));
    return this;
  }

  /**
   * Opens the port, 0 for any free one.
   *
   * @return the port
   * @throws IllegalStateException when it cannot be opened, naming the port and the reason
   */
  public int start(int wanted) {
    threads = new NioEventLoopGroup(1, new DefaultThreadFactory("weir-admin", true));
    try {
      Channel c =
          new ServerBootstrap()
              .group(threads)
              .channel(NioServerSocketChannel.class)
              .option(ChannelOption.SO_REUSEADDR, true)
              .childHandler(
                  new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel child) {
                      bound(child);
                      child
                          .pipeline()
                          .addLast(
                              new HttpServerCodec(),
                              new HttpObjectAggregator(MAX_REQUEST),
                              new Answer());
                    }
                  })
              .bind(new InetSocketAddress(access.address, wanted))
              .syncUninterruptibly()
              .channel();
      port = ((InetSocketAddress) c.localAddress()).getPort();
      return port;
    } catch (Exception e) {
      close();
      throw new IllegalStateException(
          "weir.admin.port: cannot listen on "
              + access.host()
              + ":"
              + wanted
              + ": "
              + e.getMessage(),
          e);
    }
  }

  /** {@code http://HOST:PORT}, once started. */
  public String url() {
    return "http://" + access.host() + ":" + port;
  }

  private void bound(Channel child) {
    if (open.size() >= MOST_CONNECTIONS) {
      open.iterator().next().close(); // leaves the set by its listener
    }
    open.add(child);
    Future<?> end = child.eventLoop().schedule(() -> child.close(), longestMillis, MILLISECONDS);
    child
        .closeFuture()
        .addListener(
            closed -> {
              end.cancel(false);
              open.remove(child);
            });
  }

  /** Connections that are open now; asked on the admin thread. */
  int connections() {
    return threads == null ? 0 : threads.next().submit(open::size).syncUninterruptibly().getNow();
  }

  @Override
  public void close() {
    if (threads != null) {
      threads.shutdownGracefully(0, 1000, MILLISECONDS);
    }
  }

  private FullHttpResponse answer(FullHttpRequest request) {
    if (!access.allows(request.headers().get(HttpHeaderNames.AUTHORIZATION))) {
      FullHttpResponse r =
          text(HttpResponseStatus.UNAUTHORIZED, "wanted: Authorization: Bearer TOKEN\n");
      r.headers().set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
      return r;
    }
    if (!access.guarded() && !ours(request.headers().get(HttpHeaderNames.HOST))) {
      return text(
          HttpResponseStatus.FORBIDDEN, "the Host header must name 127.0.0.1 or localhost\n");
    }
    if (request.method() != HttpMethod.GET) {
      return text(HttpResponseStatus.METHOD_NOT_ALLOWED, "read-only: GET\n");
    }
    String uri = request.uri();
    int query = uri.indexOf('?');
    Page page = pages.get(query < 0 ? uri : uri.substring(0, query));
    if (page == null) {
      return text(
          HttpResponseStatus.NOT_FOUND, "pages: " + String.join(" ", pages.keySet()) + "\n");
    }
    try {
      String asked = query < 0 ? "" : uri.substring(query + 1);
      return response(HttpResponseStatus.OK, page.type, page.text.apply(asked));
    } catch (RuntimeException e) {
      return text(
          HttpResponseStatus.INTERNAL_SERVER_ERROR,
          "this page failed: " + e.getClass().getName() + "\n");
    }
  }

  private boolean ours(@Nullable String host) {
    if (host == null) {
      return false;
    }
    String suffix = ":" + port;
    String name = host.endsWith(suffix) ? host.substring(0, host.length() - suffix.length()) : host;
    return name.equals(access.host())
        || name.equals("127.0.0.1")
        || name.equalsIgnoreCase("localhost")
        || name.equals("[::1]");
  }

  private static FullHttpResponse text(HttpResponseStatus status, String text) {
    return response(status, "text/plain; charset=utf-8", text);
  }

  private static FullHttpResponse response(HttpResponseStatus status, String type, String text) {
    FullHttpResponse r =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, status, Unpooled.copiedBuffer(text, StandardCharsets.UTF_8));
    r.headers()
        .set(HttpHeaderNames.CONTENT_TYPE, type)
        .set(HttpHeaderNames.CONTENT_LENGTH, r.content().readableBytes())
        .set(HttpHeaderNames.CACHE_CONTROL, "no-store")
        .set("X-Content-Type-Options", "nosniff")
        .set(HttpHeaderNames.CONNECTION, "close");
    return r;
  }

  private final class Answer extends SimpleChannelInboundHandler<FullHttpRequest> {
    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      FullHttpResponse r =
          request.decoderResult().isSuccess()
              ? answer(request)
              : text(HttpResponseStatus.BAD_REQUEST, "not an HTTP request\n");
      context.writeAndFlush(r).addListener(ChannelFutureListener.CLOSE);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      context.close();
    }
  }
}
