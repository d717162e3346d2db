package io.weir.agent.admin;

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
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The read-only admin endpoint: on 127.0.0.1 only, GET only, one daemon thread ({@code
 * weir-admin}), off unless {@code weir.admin.port} is set.
 *
 * <p>The Host header must name the loopback, so that a web page cannot read it through a name of
 * its own (DNS rebinding). Requests are bounded in size and time. Not the JDK's {@code HttpServer}:
 * that one initialises java.util.logging, which belongs to the application.
 */
public final class AdminServer implements AutoCloseable {
  private static final int MAX_REQUEST = 16 * 1024;
  private static final int TIMEOUT_SECONDS = 10;

  private final Map<String, Page> pages = new TreeMap<String, Page>();
  private @Nullable NioEventLoopGroup threads;
  private int port;

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
                      child
                          .pipeline()
                          .addLast(
                              new ReadTimeoutHandler(TIMEOUT_SECONDS),
                              new HttpServerCodec(),
                              new HttpObjectAggregator(MAX_REQUEST),
                              new Answer());
                    }
                  })
              .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), wanted))
              .syncUninterruptibly()
              .channel();
      port = ((InetSocketAddress) c.localAddress()).getPort();
      return port;
    } catch (Exception e) {
      close();
      throw new IllegalStateException(
          "weir.admin.port: cannot listen on 127.0.0.1:" + wanted + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    if (threads != null) {
      threads.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS);
    }
  }

  private FullHttpResponse answer(FullHttpRequest request) {
    if (!ours(request.headers().get(HttpHeaderNames.HOST))) {
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
    return name.equals("127.0.0.1") || name.equalsIgnoreCase("localhost") || name.equals("[::1]");
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
