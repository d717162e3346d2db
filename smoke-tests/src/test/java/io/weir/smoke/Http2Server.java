package io.weir.smoke;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2StreamFrame;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** A target that speaks HTTP/2 without TLS, known beforehand. */
final class Http2Server implements AutoCloseable {
  /** What it answers. */
  interface Answer {
    /** As {@link HttpTargets#said} tells of a call, less the instance's name. */
    String to(String path, String said);
  }

  private final EventLoopGroup loop =
      new NioEventLoopGroup(1, new DefaultThreadFactory("http2 target", true));
  private final Channel server;

  Http2Server(InetSocketAddress address, Answer answer) {
    server =
        new ServerBootstrap()
            .group(loop)
            .channel(NioServerSocketChannel.class)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel c) {
                    c.pipeline()
                        .addLast(
                            Http2FrameCodecBuilder.forServer().build(),
                            new Http2MultiplexHandler(
                                new ChannelInitializer<Channel>() {
                                  @Override
                                  protected void initChannel(Channel stream) {
                                    stream.pipeline().addLast(new Stream(answer));
                                  }
                                }));
                  }
                })
            .bind(address)
            .syncUninterruptibly()
            .channel();
  }

  private static final class Stream extends ChannelInboundHandlerAdapter {
    private final Answer answer;
    private Http2Headers asked;

    Stream(Answer answer) {
      this.answer = answer;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      boolean last =
          message instanceof Http2HeadersFrame h
              ? h.isEndStream()
              : message instanceof io.netty.handler.codec.http2.Http2DataFrame d && d.isEndStream();
      if (message instanceof Http2HeadersFrame h) {
        asked = h.headers();
      }
      if (message instanceof Http2StreamFrame && last) {
        answer(context);
      }
      ReferenceCountUtil.release(message);
    }

    private void answer(ChannelHandlerContext context) {
      String path = asked.path().toString();
      String said =
          HttpTargets.said(
                  "",
                  asked.method().toString(),
                  path,
                  name -> {
                    CharSequence value =
                        name.equals("Host")
                            ? asked.authority()
                            : asked.get(name.toLowerCase(java.util.Locale.ROOT));
                    return value == null ? null : value.toString();
                  })
              .trim();
      if (path.equals("/hang")) {
        answer.to(path, said);
        return;
      }
      String status = path.equals("/500") ? "500" : "200";
      context.write(new DefaultHttp2HeadersFrame(new DefaultHttp2Headers().status(status)));
      context.writeAndFlush(
          new DefaultHttp2DataFrame(
              Unpooled.copiedBuffer(answer.to(path, said), StandardCharsets.UTF_8), true));
    }
  }

  InetSocketAddress address() {
    return (InetSocketAddress) server.localAddress();
  }

  int port() {
    return address().getPort();
  }

  @Override
  public void close() {
    server.close();
    loop.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS);
  }
}
