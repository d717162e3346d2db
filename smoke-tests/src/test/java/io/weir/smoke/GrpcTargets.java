package io.weir.smoke;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Targets that speak gRPC, in this JVM: the service of {@code src/apps/grpc-wire}. A message is
 * {@code METHOD PATH}. Where HTTP breaks a connection, a stream fails after its first message.
 */
final class GrpcTargets implements Targets {
  private static final Context.Key<Metadata> HEADERS = Context.key("headers");
  private static final Context.Key<ServerCall<?, ?>> CALL = Context.key("call");

  private final Certificates certificates = new Certificates(NAME);
  private final Map<String, Server> plain = new TreeMap<>();
  private final Map<String, Server> secure = new TreeMap<>();
  private final Map<String, AtomicInteger> seen = new ConcurrentHashMap<>();
  private final Map<String, Set<SocketAddress>> callers = new ConcurrentHashMap<>();
  private final HttpProxy proxy = new HttpProxy();

  GrpcTargets() {
    try {
      listen("one", "127.0.0.1", 0, 0);
      listen("two", "127.0.0.2", plain.get("one").getPort(), secure.get("one").getPort());
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private void listen(String name, String host, int port, int securePort) throws Exception {
    plain.put(name, server(name, NettyServerBuilder.forAddress(new InetSocketAddress(host, port))));
    secure.put(
        name,
        server(
            name,
            NettyServerBuilder.forAddress(new InetSocketAddress(host, securePort))
                .useTransportSecurity(
                    certificates.certificate().toFile(), certificates.key().toFile())));
  }

  private Server server(String name, NettyServerBuilder builder) throws IOException {
    return builder
        .addService(
            ServerServiceDefinition.builder("shop.Stock")
                .addMethod(
                    method("Get", MethodDescriptor.MethodType.UNARY),
                    ServerCalls.asyncUnaryCall(
                        (String q, StreamObserver<String> out) -> answer(name, q, out)))
                .addMethod(
                    method("Watch", MethodDescriptor.MethodType.SERVER_STREAMING),
                    ServerCalls.asyncServerStreamingCall(
                        (String q, StreamObserver<String> out) -> answer(name, q, out)))
                .addMethod(
                    method("Put", MethodDescriptor.MethodType.CLIENT_STREAMING),
                    ServerCalls.asyncClientStreamingCall(out -> new Each(name, out)))
                .addMethod(
                    method("Chat", MethodDescriptor.MethodType.BIDI_STREAMING),
                    ServerCalls.asyncBidiStreamingCall(out -> new Each(name, out)))
                .build())
        .intercept(new Remembers())
        .build()
        .start();
  }

  private static MethodDescriptor<String, String> method(
      String name, MethodDescriptor.MethodType type) {
    return MethodDescriptor.<String, String>newBuilder()
        .setType(type)
        .setFullMethodName("shop.Stock/" + name)
        .setRequestMarshaller(Text.INSTANCE)
        .setResponseMarshaller(Text.INSTANCE)
        .build();
  }

  private void answer(String name, String q, StreamObserver<String> out) {
    String[] words = q.split(" ", 2);
    String path = words[1].split("\\?")[0];
    Metadata headers = HEADERS.get();
    seen.computeIfAbsent(path, p -> new AtomicInteger()).incrementAndGet();
    callers
        .computeIfAbsent(path, p -> ConcurrentHashMap.newKeySet())
        .add(CALL.get().getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR));
    switch (path) {
      case "/500" -> out.onError(Status.INTERNAL.asRuntimeException());
      case "/half" -> {
        out.onNext("half");
        out.onError(Status.UNAVAILABLE.withDescription("half").asRuntimeException());
      }
      case "/hang" -> {}
      case "/headers" -> {
        StringBuilder all = new StringBuilder(name + " " + words[0]);
        for (String n : new TreeSet<>(headers.keys())) {
          all.append(' ').append(n);
          if (!n.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
            all.append('=').append(headers.get(key(n)));
          }
        }
        out.onNext(all.toString());
        out.onCompleted();
      }
      default -> {
        String authority = CALL.get().getAuthority().replaceAll(":(80|443)$", "");
        out.onNext(
            HttpTargets.said(
                name, words[0], words[1], n -> n.equals("Host") ? authority : headers.get(key(n))));
        out.onCompleted();
      }
    }
  }

  static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Answers each message. */
  private final class Each implements StreamObserver<String> {
    private final String name;
    private final StreamObserver<String> out;

    Each(String name, StreamObserver<String> out) {
      this.name = name;
      this.out = out;
    }

    @Override
    public void onNext(String q) {
      answer(name, q, out);
    }

    @Override
    public void onError(Throwable cancelled) {
      // nobody waits for an answer
    }

    @Override
    public void onCompleted() {
      // each message has been answered
    }
  }

  private static final class Remembers implements ServerInterceptor {
    @Override
    public <Q, P> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, P> call, Metadata headers, ServerCallHandler<Q, P> next) {
      Context context = Context.current().withValue(HEADERS, headers).withValue(CALL, call);
      return Contexts.interceptCall(context, call, headers, next);
    }
  }

  enum Text implements MethodDescriptor.Marshaller<String> {
    INSTANCE;

    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String parse(InputStream stream) {
      try {
        return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static String address(Map<String, Server> servers, String instance) {
    return (instance.equals("one") ? "127.0.0.1:" : "127.0.0.2:") + servers.get(instance).getPort();
  }

  @Override
  public String plain(String instance) {
    return address(plain, instance);
  }

  @Override
  public String secure(String instance) {
    return address(secure, instance);
  }

  /** Every call of gRPC's is one by HTTP/2. */
  @Override
  public String http2(String instance) {
    return plain(instance);
  }

  @Override
  public Path trustStore() {
    return certificates.store();
  }

  @Override
  public int seen(String path) {
    AtomicInteger n = seen.get(path);
    return n == null ? 0 : n.get();
  }

  @Override
  public int connections(String path) {
    return callers.getOrDefault(path, Set.of()).size();
  }

  @Override
  public int proxyPort() {
    return proxy.port();
  }

  @Override
  public int proxied() {
    return proxy.served();
  }

  @Override
  public int webSocketPort() {
    throw new UnsupportedOperationException("gRPC has no WebSockets");
  }

  @Override
  public void close() {
    plain.values().forEach(Server::shutdownNow);
    secure.values().forEach(Server::shutdownNow);
    proxy.close();
  }
}
