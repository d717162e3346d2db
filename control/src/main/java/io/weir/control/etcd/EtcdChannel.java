package io.weir.control.etcd;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NegotiationType;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelId;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLException;

/**
 * A channel to etcd: one event loop, {@code weir-etcd-io}, on which answers are told, too, and a
 * thread {@code weir-etcd-dns} while names are looked up. No retries of gRPC's own: a failure is to
 * be heard, a transaction must not be sent twice. Every call that answers once has a deadline:
 * without one it waits for ever while etcd is away.
 */
final class EtcdChannel {
  private static final int MAX_INBOUND = 64 << 20;
  private static final long DEADLINE_MS = 2000;
  private static final long FIRST_DEADLINE_MS = 5000;
  private static final long LEAVE_MS = 100;

  final ManagedChannel channel;
  private final EventLoop loop;
  private final ThreadPoolExecutor names;

  private EtcdChannel(ManagedChannel channel, EventLoop loop, ThreadPoolExecutor names) {
    this.channel = channel;
    this.loop = loop;
    this.names = names;
  }

  /** Connects lazily. */
  static EtcdChannel open(EtcdOptions options) {
    // nobody looks for leaks in an application that is not his
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    NettyChannelBuilder b = NettyChannelBuilder.forTarget(Endpoints.SCHEME + ":///etcd");
    if (options.secure()) {
      b.negotiationType(NegotiationType.TLS).sslContext(trust(options));
    } else {
      b.negotiationType(NegotiationType.PLAINTEXT);
    }
    EventLoop loop =
        new NioEventLoopGroup(1, new DefaultThreadFactory("weir-etcd-io", true)).next();
    ThreadPoolExecutor names = names();
    ManagedChannel channel =
        names(b, new Endpoints(options.endpoints))
            .eventLoopGroup(loop)
            .channelFactory(Socket::new)
            .executor(
                task -> {
                  if (loop.inEventLoop()) {
                    task.run();
                  } else {
                    loop.execute(task);
                  }
                })
            .offloadExecutor(names)
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, options.connectTimeoutMillis)
            .keepAliveTime(10, TimeUnit.SECONDS)
            .keepAliveTimeout(3, TimeUnit.SECONDS)
            .keepAliveWithoutCalls(true)
            .maxInboundMessageSize(MAX_INBOUND)
            .defaultLoadBalancingPolicy("round_robin")
            .disableRetry()
            .maxTraceEvents(0)
            .intercept(new Deadline())
            .build();
    return new EtcdChannel(channel, loop, names);
  }

  @SuppressWarnings("deprecation") // the registry that is to replace it belongs to the whole loader
  private static NettyChannelBuilder names(NettyChannelBuilder b, Endpoints endpoints) {
    return b.nameResolverFactory(endpoints);
  }

  private static SslContext trust(EtcdOptions options) {
    try {
      SslContextBuilder ssl = GrpcSslContexts.forClient();
      if (options.tlsCa != null) {
        ssl.trustManager(options.tlsCa.toFile());
      }
      if (options.tlsCert != null) {
        ssl.keyManager(options.tlsCert.toFile(), Objects.requireNonNull(options.tlsKey).toFile());
      }
      return ssl.build();
    } catch (SSLException | RuntimeException e) {
      throw new IllegalArgumentException("etcd: TLS cannot be set up: " + e.getMessage(), e);
    }
  }

  private static ThreadPoolExecutor names() {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<Runnable>(),
            task -> {
              Thread t = new Thread(task, "weir-etcd-dns");
              t.setDaemon(true);
              return t;
            },
            new ThreadPoolExecutor.DiscardPolicy()); // of a channel that is closed
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }

  /** Netty would make its id of a network card's address, asking them all, and of the process's. */
  private static final class Socket extends NioSocketChannel {
    private static final AtomicInteger NUMBER = new AtomicInteger();

    @Override
    protected ChannelId newId() {
      return new Id("etcd-" + NUMBER.incrementAndGet());
    }
  }

  private static final class Id implements ChannelId {
    private static final long serialVersionUID = 1L;

    private final String text;

    Id(String text) {
      this.text = text;
    }

    @Override
    public String asShortText() {
      return text;
    }

    @Override
    public String asLongText() {
      return text;
    }

    @Override
    public int compareTo(ChannelId other) {
      return text.compareTo(other.asLongText());
    }
  }

  /** A deadline for every call that answers once; longer for the first, which loads classes. */
  private static final class Deadline implements ClientInterceptor {
    private final AtomicBoolean first = new AtomicBoolean(true);

    @Override
    public <Q, S> ClientCall<Q, S> interceptCall(
        MethodDescriptor<Q, S> method, CallOptions options, Channel next) {
      boolean once =
          method.getType() == MethodDescriptor.MethodType.UNARY
              || method.getFullMethodName().endsWith("/LeaseKeepAlive");
      if (once && options.getDeadline() == null) {
        long millis = first.getAndSet(false) ? FIRST_DEADLINE_MS : DEADLINE_MS;
        return next.newCall(method, options.withDeadlineAfter(millis, TimeUnit.MILLISECONDS));
      }
      return next.newCall(method, options);
    }
  }

  void close() {
    channel.shutdownNow();
    loop.shutdownGracefully(50, 1000, TimeUnit.MILLISECONDS);
    names.shutdown();
  }

  /**
   * A JVM that exits waits 0.3 s for threads in native code, such as an event loop that waits for
   * its connections. So it is given a task that waits in Java.
   */
  void leave() {
    CountDownLatch held = new CountDownLatch(1);
    try {
      loop.execute(
          () -> {
            held.countDown();
            LockSupport.park();
          });
      held.await(LEAVE_MS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException ended) {
      // so much the better
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
