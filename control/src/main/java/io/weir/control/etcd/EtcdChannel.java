package io.weir.control.etcd;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.okhttp.OkHttpChannelBuilder;
import io.weir.control.loop.Daemon;
import io.weir.control.loop.Log;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A gRPC channel to etcd.
 *
 * <p>Threads: {@code weir-etcd-io} delivers answers and runs timers. Each connection has a thread
 * that reads ({@code OkHttpClientTransport}) and one that connects and writes ({@code
 * weir-etcd-net}). {@code weir-etcd-dns} exists while names are looked up.
 *
 * <p>gRPC does not retry calls here: the store must see each failure, and a transaction must not be
 * sent twice. Every call with one answer has a deadline: without one it would wait for ever while
 * etcd is away.
 */
final class EtcdChannel {
  /**
   * Bytes that etcd may send before we confirm them. A larger window makes the first reading take
   * fewer round trips; a smaller one limits what an answer that is too large costs.
   */
  private static final int WINDOW = 256 << 10;

  private static final int PING_SECONDS = 10;
  private static final int PONG_SECONDS = 3;
  private static final long DEADLINE_MS = 2000;
  private static final long FIRST_DEADLINE_MS = 5000;
  private static final long EXIT_WAIT_MS = 100;
  private static final int IDLE_SECONDS = 5;

  final ManagedChannel channel;
  private final ScheduledThreadPoolExecutor io;
  private final ThreadPoolExecutor net;
  private final ThreadPoolExecutor names;
  private final TimeoutSockets sockets;

  /** Connects lazily. */
  private EtcdChannel(EtcdOptions options) {
    io = new ScheduledThreadPoolExecutor(1, threads("weir-etcd-io"), new Discard());
    io.setRemoveOnCancelPolicy(true);
    net =
        new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<Runnable>(),
            threads("weir-etcd-net"),
            new Discard());
    names =
        new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<Runnable>(),
            threads("weir-etcd-dns"),
            new Discard());
    names.allowCoreThreadTimeOut(true);
    // the pings keep a live connection from being silent for so long
    sockets =
        new TimeoutSockets(options.connectTimeoutMillis, 1000 * (PING_SECONDS + PONG_SECONDS + 2));
    OkHttpChannelBuilder b = OkHttpChannelBuilder.forTarget(Endpoints.SCHEME + ":///etcd");
    if (options.secure()) {
      Tls.use(options, b);
    } else {
      b.usePlaintext();
    }
    channel =
        names(b, new Endpoints(options.endpoints))
            .socketFactory(sockets)
            .transportExecutor(net)
            .scheduledExecutorService(io)
            .executor(io)
            .offloadExecutor(names)
            .flowControlWindow(WINDOW)
            .keepAliveTime(PING_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(PONG_SECONDS, TimeUnit.SECONDS)
            .keepAliveWithoutCalls(true)
            .maxInboundMessageSize(ReadLimits.MESSAGE)
            .defaultLoadBalancingPolicy("round_robin")
            .disableRetry()
            .maxTraceEvents(0)
            .intercept(new Deadline())
            .build();
  }

  static EtcdChannel open(EtcdOptions options) {
    return new EtcdChannel(options);
  }

  // deprecated in favour of a registry that the whole class loader shares
  @SuppressWarnings("deprecation")
  private static OkHttpChannelBuilder names(OkHttpChannelBuilder b, Endpoints endpoints) {
    return b.nameResolverFactory(endpoints);
  }

  private static ThreadFactory threads(String name) {
    return task -> Daemon.thread(name, task, Log.NONE); // gRPC reports failures itself
  }

  /** Drops tasks that a closed channel still hands out. */
  private static final class Discard extends ThreadPoolExecutor.DiscardPolicy {}

  /** Adds a deadline to every call with one answer; a longer one to the first: it loads classes. */
  private static final class Deadline implements ClientInterceptor {
    private final AtomicBoolean first = new AtomicBoolean(true);

    @Override
    public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
        MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
      boolean oneAnswer =
          method.getType() == MethodDescriptor.MethodType.UNARY
              || method.getFullMethodName().endsWith("/LeaseKeepAlive");
      if (oneAnswer && options.getDeadline() == null) {
        long millis = first.getAndSet(false) ? FIRST_DEADLINE_MS : DEADLINE_MS;
        return next.newCall(method, options.withDeadlineAfter(millis, TimeUnit.MILLISECONDS));
      }
      return next.newCall(method, options);
    }
  }

  /** Closes at once. The threads end a second later, when all calls have got their answer. */
  void close() {
    channel.shutdownNow();
    sockets.close();
    io.schedule(
        () -> {
          net.shutdown();
          names.shutdown();
          io.shutdownNow();
        },
        1,
        TimeUnit.SECONDS);
  }

  /**
   * Closes and waits a moment for the reading threads to end: an exiting JVM would wait 0.3 s for
   * threads that are in native code.
   */
  void closeAtExit() {
    channel.shutdownNow();
    sockets.close();
    try {
      channel.awaitTermination(EXIT_WAIT_MS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
