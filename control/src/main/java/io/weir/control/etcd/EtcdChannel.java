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
 * A channel to etcd. Answers are told on {@code weir-etcd-io}, which keeps the time, too; each
 * connection has a thread that reads ({@code OkHttpClientTransport}), and one of {@code
 * weir-etcd-net} connects and writes; {@code weir-etcd-dns} lives while names are looked up. No
 * retries of gRPC's own: a failure is to be heard, a transaction must not be sent twice. Every call
 * that answers once has a deadline: without one it waits for ever while etcd is away.
 */
final class EtcdChannel {
  /**
   * As much of one message as may be under way: what an answer that is too large costs before it is
   * given up, and how much of a first reading one round trip brings.
   */
  private static final int WINDOW = 256 << 10;

  private static final int PING_SECONDS = 10;
  private static final int PONG_SECONDS = 3;
  private static final long DEADLINE_MS = 2000;
  private static final long FIRST_DEADLINE_MS = 5000;
  private static final long LEAVE_MS = 100;
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
    // pinged, a connection is never silent for so long
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

  @SuppressWarnings("deprecation") // the registry that is to replace it belongs to the whole loader
  private static OkHttpChannelBuilder names(OkHttpChannelBuilder b, Endpoints endpoints) {
    return b.nameResolverFactory(endpoints);
  }

  private static ThreadFactory threads(String name) {
    return task -> Daemon.thread(name, task, Log.NONE); // gRPC tells of its failures itself
  }

  /** What a channel that is closed would still do. */
  private static final class Discard extends ThreadPoolExecutor.DiscardPolicy {}

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

  /** At once; its threads end a second later, when everything under way has been told. */
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
   * A JVM that exits waits 0.3 s for threads in native code, such as those that read. So they are
   * given time to end.
   */
  void leave() {
    channel.shutdownNow();
    sockets.close();
    try {
      channel.awaitTermination(LEAVE_MS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
