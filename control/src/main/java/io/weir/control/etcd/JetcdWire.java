package io.weir.control.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.ClientBuilder;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.Response;
import io.etcd.jetcd.Watch.Listener;
import io.etcd.jetcd.api.MaintenanceGrpc;
import io.etcd.jetcd.api.StatusRequest;
import io.etcd.jetcd.api.StatusResponse;
import io.etcd.jetcd.common.exception.CompactedException;
import io.etcd.jetcd.impl.ChannelDoor;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.PutOption;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.watch.WatchEvent;
import io.etcd.jetcd.watch.WatchResponse;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NegotiationType;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * {@link Wire} by jetcd. What jetcd does of itself is switched off where it does harm: no retries
 * (a repeated put may land on top of a newer value), a deadline on every call (without one a call
 * waits for ever while etcd is away), two threads (its own pool is unbounded), and its watch is
 * given up at the first error or re-creation, since its resumption loses events. Everything listed
 * in docs/etcd.md.
 */
final class JetcdWire implements Wire {
  private static final int MAX_INBOUND = 64 << 20;
  private static final long DEADLINE_MS = 2000;
  private static final long FIRST_DEADLINE_MS = 5000;
  private static final long LEAVE_MS = 100;

  /** What a message says when the certificates or the protocol do not fit. */
  private static final String[] TLS = {
    "CertPath",
    "PKIX",
    "ertificate",
    "unknown_ca",
    "handshake_failure",
    "protocol_version",
    "No subject alternative",
    "not an SSL/TLS record"
  };

  /** What a message says when user or password are wrong. */
  private static final String[] AUTH = {
    "authentication failed", "authentication is not enabled", "user name is empty"
  };

  private final ChannelDoor client;
  private final ManagedChannel channel;
  private final EventLoop loop;
  private final ThreadPoolExecutor pool;
  private final boolean secure;

  private JetcdWire(
      ChannelDoor client,
      ManagedChannel channel,
      EventLoop loop,
      ThreadPoolExecutor pool,
      boolean secure) {
    this.client = client;
    this.channel = channel;
    this.loop = loop;
    this.pool = pool;
    this.secure = secure;
  }

  static JetcdWire connect(EtcdOptions options) {
    // nobody looks for leaks in an application that is not his
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    ThreadPoolExecutor pool = pool();
    ClientBuilder b =
        Client.builder()
            .endpoints(options.endpoints.toArray(new URI[0]))
            .retryMaxAttempts(0)
            .waitForReady(false)
            .executorService(pool);
    if (options.user != null) {
      b.user(bytes(options.user)).password(bytes(Objects.requireNonNull(options.password)));
    }
    if (options.secure()) {
      try {
        b.sslContext(ssl -> trust(options, ssl));
      } catch (SSLException | RuntimeException e) {
        pool.shutdownNow();
        throw new IllegalArgumentException("etcd: TLS cannot be set up: " + e.getMessage(), e);
      }
    }
    EventLoop loop =
        new NioEventLoopGroup(1, new DefaultThreadFactory("weir-etcd-io", true)).next();
    ManagedChannel channel = channel(options, b, loop);
    return new JetcdWire(new ChannelDoor(b, channel), channel, loop, pool, options.secure());
  }

  /** As jetcd would make it, but on one event loop that is ours. */
  private static ManagedChannel channel(EtcdOptions options, ClientBuilder b, EventLoop loop) {
    NettyChannelBuilder c =
        NettyChannelBuilder.forTarget(b.target())
            .eventLoopGroup(loop)
            .channelType(NioSocketChannel.class)
            .executor(
                task -> {
                  if (loop.inEventLoop()) {
                    task.run();
                  } else {
                    loop.execute(task);
                  }
                })
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) options.connectTimeoutMillis)
            .keepAliveTime(10, TimeUnit.SECONDS)
            .keepAliveTimeout(3, TimeUnit.SECONDS)
            .keepAliveWithoutCalls(true)
            .maxInboundMessageSize(MAX_INBOUND)
            .defaultLoadBalancingPolicy("round_robin")
            .intercept(new Deadline());
    if (options.secure()) {
      c.negotiationType(NegotiationType.TLS).sslContext(b.sslContext());
    } else {
      c.negotiationType(NegotiationType.PLAINTEXT);
    }
    return c.build();
  }

  private static void trust(EtcdOptions options, SslContextBuilder ssl) {
    if (options.tlsCa != null) {
      ssl.trustManager(options.tlsCa.toFile());
    }
    if (options.tlsCert != null) {
      ssl.keyManager(options.tlsCert.toFile(), Objects.requireNonNull(options.tlsKey).toFile());
    }
  }

  private static ThreadPoolExecutor pool() {
    AtomicInteger n = new AtomicInteger();
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            2,
            2,
            30,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<Runnable>(),
            task -> {
              Thread t = new Thread(task, "weir-etcd-" + n.incrementAndGet());
              t.setDaemon(true);
              return t;
            });
    pool.allowCoreThreadTimeOut(true);
    return pool;
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

  @Override
  public void range(
      String from, String to, int limit, long revision, boolean keysOnly, Answer<Page> answer) {
    GetOption option =
        GetOption.builder()
            .withRange(bytes(to))
            .withLimit(limit)
            .withRevision(revision)
            .withKeysOnly(keysOnly)
            .build();
    answer(() -> client.kv().get(bytes(from), option), answer, JetcdWire::page);
  }

  private static Page page(GetResponse r) {
    List<Entry> entries = new ArrayList<Entry>(r.getKvs().size());
    for (KeyValue kv : r.getKvs()) {
      entries.add(entry(kv, kv.getValue().getBytes()));
    }
    Response.Header h = r.getHeader();
    return new Page(h.getClusterId(), h.getRevision(), entries, r.isMore());
  }

  @Override
  public Watch watch(String from, String to, long revision, Watching watching) {
    WatchOption option =
        WatchOption.builder()
            .withRange(bytes(to))
            .withRevision(revision)
            .withCreateNotify(true)
            .withProgressNotify(true)
            .withRequireLeader(true)
            .build();
    io.etcd.jetcd.Watch.Watcher watcher =
        client
            .watch()
            .watch(
                bytes(from),
                option,
                new Listener() {
                  @Override
                  public void onNext(WatchResponse r) {
                    try {
                      watching.events(events(r));
                    } catch (Throwable t) {
                      // a throwing listener kills jetcd's watch without a word
                      watching.broken(classify(t));
                    }
                  }

                  @Override
                  public void onError(Throwable t) {
                    watching.broken(classify(t));
                  }

                  @Override
                  public void onCompleted() {
                    watching.broken(
                        new WireException(WireException.Kind.UNAVAILABLE, "the watch ended"));
                  }
                });
    return new Watch() {
      @Override
      public void ping() {
        watcher.requestProgress();
      }

      @Override
      public void close() {
        watcher.close();
      }
    };
  }

  @SuppressWarnings("NullAway") // an event's entry without value is a deletion
  private static Events events(WatchResponse r) {
    List<Entry> events = new ArrayList<Entry>(r.getEvents().size());
    for (WatchEvent e : r.getEvents()) {
      boolean put = e.getEventType() == WatchEvent.EventType.PUT;
      events.add(entry(e.getKeyValue(), put ? e.getKeyValue().getValue().getBytes() : null));
    }
    Response.Header h = r.getHeader();
    return new Events(r.isCreatedNotify(), h.getClusterId(), h.getRevision(), events);
  }

  private static Entry entry(KeyValue kv, byte[] value) {
    return new Entry(
        kv.getKey().toString(StandardCharsets.UTF_8),
        value,
        kv.getCreateRevision(),
        kv.getModRevision(),
        kv.getLease());
  }

  @Override
  public void txn(Txn txn, Answer<Txn.Outcome> answer) {
    List<Cmp> compares = new ArrayList<Cmp>();
    for (Txn.Compare c : txn.compares()) {
      compares.add(new Cmp(bytes(c.key), Cmp.Op.EQUAL, CmpTarget.modRevision(c.modRevision)));
    }
    List<Op> ops = new ArrayList<Op>();
    for (Txn.Write w : txn.writes()) {
      ops.add(
          w.value == null
              ? Op.delete(bytes(w.key), DeleteOption.DEFAULT)
              : Op.put(
                  bytes(w.key),
                  ByteSequence.from(w.value),
                  PutOption.builder().withLeaseId(w.lease).build()));
    }
    answer(
        () ->
            client
                .kv()
                .txn()
                .If(compares.toArray(new Cmp[0]))
                .Then(ops.toArray(new Op[0]))
                .commit(),
        answer,
        r ->
            new Txn.Outcome(
                r.isSucceeded() ? Txn.Outcome.Kind.DONE : Txn.Outcome.Kind.CONFLICT,
                r.getHeader().getRevision(),
                ""));
  }

  @Override
  public void grant(int ttlSeconds, Answer<Long> answer) {
    answer(() -> client.lease().grant(ttlSeconds), answer, r -> r.getID());
  }

  @Override
  public void keepAlive(long lease, Answer<Long> answer) {
    answer(() -> client.lease().keepAliveOnce(lease), answer, r -> r.getTTL());
  }

  @Override
  public void revoke(long lease, Answer<Long> answer) {
    answer(() -> client.lease().revoke(lease), answer, r -> 0L);
  }

  @Override
  public void aside(Answer<Long> answer) {
    // jetcd's own maintenance client would log in first
    ClientCalls.asyncUnaryCall(
        channel.newCall(MaintenanceGrpc.getStatusMethod(), CallOptions.DEFAULT),
        StatusRequest.getDefaultInstance(),
        new StreamObserver<StatusResponse>() {
          @Override
          public void onNext(StatusResponse r) {
            answer.ok(r.getRaftIndex() - r.getHeader().getRevision());
          }

          @Override
          public void onError(Throwable t) {
            answer.failed(classify(t));
          }

          @Override
          public void onCompleted() {}
        });
  }

  @Override
  public void reconnect() {
    channel.resetConnectBackoff();
  }

  @Override
  public void reconnectAfresh() {
    channel.enterIdle();
    channel.getState(true);
  }

  @Override
  public boolean ready() {
    return channel.getState(true) == ConnectivityState.READY;
  }

  @Override
  public void close() {
    client.close();
    loop.shutdownGracefully(50, 1000, TimeUnit.MILLISECONDS);
    pool.shutdown();
  }

  /**
   * A JVM that exits waits 0.3 s for threads in native code, such as an event loop that waits for
   * its connections. So it is given a task that waits in Java.
   */
  @Override
  public void leave() {
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

  private interface Call<T> {
    CompletableFuture<T> send();
  }

  @SuppressWarnings("NullAway") // converted, unless it failed
  private <T, R> void answer(Call<T> call, Answer<R> answer, Function<T, R> convert) {
    CompletableFuture<T> future;
    try {
      future = call.send();
    } catch (RuntimeException e) {
      answer.failed(classify(e));
      return;
    }
    future.whenComplete(
        (value, error) -> {
          R converted = null;
          WireException failure = error == null ? null : classify(error);
          try {
            converted = failure == null ? convert.apply(value) : null;
          } catch (RuntimeException e) {
            failure = classify(e);
          }
          if (failure == null) {
            answer.ok(converted);
          } else {
            answer.failed(failure);
          }
        });
  }

  private static ByteSequence bytes(String s) {
    return ByteSequence.from(s, StandardCharsets.UTF_8);
  }

  /**
   * jetcd wraps by habit, so the gRPC code is found by walking down; what a person needs to hear
   * (the TLS or socket error) is the innermost message.
   */
  private WireException classify(Throwable error) {
    Status status = null;
    String cause = null;
    boolean compacted = false;
    boolean authenticating = false;
    Throwable t = error;
    for (int depth = 0; t != null && depth < 16; depth++, t = t.getCause()) {
      if (t instanceof CompactedException) {
        compacted = true;
      }
      Status s =
          t instanceof StatusRuntimeException
              ? ((StatusRuntimeException) t).getStatus()
              : t instanceof StatusException ? ((StatusException) t).getStatus() : null;
      if (s != null) {
        authenticating |= s.getCode() == Status.Code.UNAUTHENTICATED;
        // the innermost status tells most: the outer one of a failed log-in has no description
        status = s;
      } else if (status != null || !(t instanceof java.util.concurrent.CompletionException)) {
        cause = t.getClass().getSimpleName() + ": " + firstLine(t.getMessage());
      }
    }
    if (status == null) {
      status = Status.fromThrowable(error);
    }
    String said = firstLine(status.getDescription());
    String text = cause == null || said.contains("etcdserver") ? said : cause;
    return new WireException(
        kind(status, said + " " + text, compacted, authenticating), advice(text));
  }

  private static WireException.Kind kind(
      Status status, String text, boolean compacted, boolean authenticating) {
    if (compacted || text.contains("compacted") || text.contains("future revision")) {
      return WireException.Kind.COMPACTED;
    }
    if (text.contains("permission denied")) {
      return WireException.Kind.PERMISSION;
    }
    if (text.contains("lease not found")) {
      return WireException.Kind.NOT_FOUND;
    }
    // a handshake that merely broke off is not among these: etcd may just be restarting
    for (String mistake : TLS) {
      if (text.contains(mistake)) {
        return WireException.Kind.TLS;
      }
    }
    for (String mistake : AUTH) {
      if (text.contains(mistake)) {
        return WireException.Kind.AUTH;
      }
    }
    switch (status.getCode()) {
      case UNAVAILABLE:
      case CANCELLED:
        return WireException.Kind.UNAVAILABLE;
      case DEADLINE_EXCEEDED:
        return WireException.Kind.DEADLINE;
      case PERMISSION_DENIED:
        return WireException.Kind.PERMISSION;
      case UNAUTHENTICATED:
        // an expired token looks the same and mends itself at the next try
        return authenticating
                && !text.contains("invalid auth token")
                && !text.contains("auth store is old")
            ? WireException.Kind.AUTH
            : WireException.Kind.UNAVAILABLE;
      default:
        return WireException.Kind.OTHER;
    }
  }

  private String advice(String text) {
    if (secure && (text.contains("not an SSL/TLS record") || text.contains("ClosedChannel"))) {
      return text + " (if etcd does not speak TLS, write http://)";
    }
    if (text.contains("authentication is not enabled")) {
      return text + " (remove weir.etcd.user, or enable authentication in etcd)";
    }
    if (text.contains("user name is empty")) {
      return text + " (etcd wants weir.etcd.user and weir.etcd.password)";
    }
    if (!secure
        && (text.contains("Network closed for unknown reason")
            || text.contains("Connection reset")
            || text.contains("First received frame was not SETTINGS"))) {
      return text + " (if etcd speaks TLS, write https://)";
    }
    return text;
  }

  private static String firstLine(@Nullable String s) {
    if (s == null) {
      return "";
    }
    int end = s.indexOf('\n');
    String line = end < 0 ? s : s.substring(0, end);
    return line.length() > 300 ? line.substring(0, 300) : line;
  }
}
