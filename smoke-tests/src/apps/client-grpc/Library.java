import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.HttpConnectProxiedSocketAddress;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * grpc-java, each type of call with each kind of stub: the ways {@code unary} and {@code iterator}
 * (blocking), {@code future}, {@code async}, {@code server}, {@code client} and {@code bidi}. The
 * message is {@code METHOD PATH} of the URL. A name is a target that no resolver knows; {@code
 * authority=NAME} in the query of an address names the service.
 */
public final class Library implements Calls {
  private static final Metadata.Key<String> PUSHBACK = key("grpc-retry-pushback-ms");
  private final Map<String, ManagedChannel> channels = new ConcurrentHashMap<>();
  private final AtomicInteger underWay = new AtomicInteger();
  private final AtomicInteger fresh = new AtomicInteger();
  private final Executor four =
      Executors.newFixedThreadPool(
          4,
          task -> {
            Thread t = new Thread(task, "four");
            t.setDaemon(true);
            return t;
          });

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private ManagedChannel channel(Ask ask, URI url) {
    String query = url.getQuery() == null ? "" : url.getQuery();
    String authority = query.startsWith("authority=") ? query.substring(10) : null;
    String key = url.getScheme() + url.getAuthority() + authority + ask.client;
    if (ask.client.equals("fresh")) {
      key += fresh.incrementAndGet();
    }
    return channels.computeIfAbsent(key, k -> open(ask, url, authority));
  }

  private ManagedChannel open(Ask ask, URI url, String authority) {
    int port = url.getPort() < 0 ? 80 : url.getPort();
    ManagedChannelBuilder<?> b = Transports.channel("dns:///" + url.getHost() + ":" + port);
    if (!url.getScheme().equals("https")) {
      b.usePlaintext();
    }
    if (authority != null) {
      b.overrideAuthority(authority);
    }
    if (ask.client.equals("few")) {
      b.executor(four);
    }
    int proxy = ask.proxyPort();
    if (proxy > 0) {
      b.proxyDetector(
          to ->
              HttpConnectProxiedSocketAddress.newBuilder()
                  .setTargetAddress((InetSocketAddress) to)
                  .setProxyAddress(new InetSocketAddress("127.0.0.1", proxy))
                  .build());
    }
    return b.build();
  }

  @Override
  public void make(Ask ask, Result result) throws Exception {
    URI url = URI.create(ask.url);
    Metadata headers = new Metadata();
    ask.headers.forEach((name, value) -> headers.put(key(name), value));
    Channel channel =
        ClientInterceptors.intercept(
            channel(ask, url), MetadataUtils.newAttachHeadersInterceptor(headers));
    CallOptions options = CallOptions.DEFAULT;
    int timeout = ask.readTimeout + ask.callTimeout;
    if (timeout > 0) {
      options = options.withDeadlineAfter(timeout, TimeUnit.MILLISECONDS);
    }
    String path = url.getRawPath() + (url.getRawQuery() == null ? "" : "?" + url.getRawQuery());
    String q = ask.method + " " + path;
    Context.CancellableContext context = Context.current().withCancellation();
    result.onCancel(() -> context.cancel(null));
    underWay.incrementAndGet();
    CallOptions all = options;
    context.run(
        () -> {
          try {
            call(ask.way, channel, all, q, result);
          } catch (StatusRuntimeException e) {
            told(result, e);
          }
        });
  }

  private void call(String way, Channel channel, CallOptions options, String q, Result result) {
    Collector out = new Collector(result);
    switch (way) {
      case "unary":
        answered(result, ClientCalls.blockingUnaryCall(channel, method(way), options, q));
        break;
      case "iterator":
        StringBuilder all = new StringBuilder();
        for (Iterator<String> i =
                ClientCalls.blockingServerStreamingCall(channel, method("server"), options, q);
            i.hasNext(); ) {
          all.append(i.next());
        }
        answered(result, all.toString());
        break;
      case "future":
        com.google.common.util.concurrent.ListenableFuture<String> future =
            ClientCalls.futureUnaryCall(channel.newCall(method("unary"), options), q);
        future.addListener(
            () -> {
              try {
                answered(result, future.get());
              } catch (ExecutionException e) {
                told(result, e.getCause());
              } catch (Exception e) {
                result.failed(e);
              }
            },
            Runnable::run);
        break;
      case "async":
        ClientCalls.asyncUnaryCall(channel.newCall(method("unary"), options), q, out);
        break;
      case "server":
        ClientCalls.asyncServerStreamingCall(channel.newCall(method("server"), options), q, out);
        break;
      case "client":
      case "bidi":
        ClientCall<String, String> call = channel.newCall(method(way), options);
        StreamObserver<String> to =
            way.equals("bidi")
                ? ClientCalls.asyncBidiStreamingCall(call, out)
                : ClientCalls.asyncClientStreamingCall(call, out);
        to.onNext(q);
        to.onCompleted();
        break;
      default:
        throw new IllegalArgumentException(way);
    }
  }

  private static MethodDescriptor<String, String> method(String way) {
    switch (way) {
      case "server":
        return Wire.SERVER;
      case "client":
        return Wire.CLIENT;
      case "bidi":
        return Wire.BIDI;
      default:
        return Wire.UNARY;
    }
  }

  private void answered(Result result, String body) {
    underWay.decrementAndGet();
    result.answered("OK", name -> null, null, body);
  }

  private void told(Result result, Throwable t) {
    underWay.decrementAndGet();
    Status status = Status.fromThrowable(t);
    Metadata trailers = Status.trailersFromThrowable(t);
    result.answered(
        status.getCode(),
        name ->
            trailers == null
                ? null
                : trailers.get(name.equals("Retry-After") ? PUSHBACK : key(name)),
        null,
        status.getDescription() + (status.getCause() == null ? "" : " " + status.getCause()));
  }

  private final class Collector implements StreamObserver<String> {
    private final StringBuffer all = new StringBuffer();
    private final Result result;

    Collector(Result result) {
      this.result = result;
    }

    @Override
    public void onNext(String value) {
      all.append(value);
    }

    @Override
    public void onError(Throwable t) {
      told(result, t);
    }

    @Override
    public void onCompleted() {
      answered(result, all.toString());
    }
  }

  @Override
  public int busy() {
    return underWay.get();
  }

  @Override
  public String webSocket(String url, String text) {
    throw new UnsupportedOperationException();
  }
}
