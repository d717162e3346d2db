package io.weir.smoke;

import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest;
import io.opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse;
import io.opentelemetry.proto.common.v1.AnyValue;
import io.opentelemetry.proto.common.v1.KeyValue;
import io.opentelemetry.proto.metrics.v1.HistogramDataPoint;
import io.opentelemetry.proto.metrics.v1.Metric;
import io.opentelemetry.proto.metrics.v1.NumberDataPoint;
import io.opentelemetry.proto.metrics.v1.ResourceMetrics;
import io.opentelemetry.proto.metrics.v1.ScopeMetrics;
import io.opentelemetry.proto.trace.v1.Span;
import io.weir.control.testing.Certificates;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A receiver of OTLP over gRPC, as a collector is one, that keeps spans and the newest value of
 * each series of Weir's.
 */
final class Collector implements AutoCloseable {
  /** Service, metric and attributes. */
  record Series(String service, String metric, Map<String, Object> attributes) {}

  private final Map<Series, Double> values = new ConcurrentHashMap<>();
  private final Map<String, Metric> metrics = new ConcurrentHashMap<>();
  private final Map<String, Map<String, Object>> resources = new ConcurrentHashMap<>();
  private final Set<String> scopes = ConcurrentHashMap.newKeySet();
  private final List<Span> spans = new CopyOnWriteArrayList<>();
  private final Server server;
  private final String scheme;

  Collector() {
    this(null, "");
  }

  /** One that speaks TLS, when certificates of this name are given. */
  Collector(Certificates made, String name) {
    scheme = made == null ? "http" : "https";
    NettyServerBuilder b = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0));
    if (made != null) {
      b.useTransportSecurity(made.certificate(name).toFile(), made.key(name).toFile());
    }
    try {
      server =
          b.addService(
                  service(
                      "metrics.v1.MetricsService",
                      ExportMetricsServiceRequest.getDefaultInstance(),
                      ExportMetricsServiceResponse.getDefaultInstance(),
                      request -> request.getResourceMetricsList().forEach(this::take)))
              .addService(
                  service(
                      "trace.v1.TraceService",
                      ExportTraceServiceRequest.getDefaultInstance(),
                      ExportTraceServiceResponse.getDefaultInstance(),
                      request ->
                          request
                              .getResourceSpansList()
                              .forEach(
                                  r ->
                                      r.getScopeSpansList()
                                          .forEach(s -> spans.addAll(s.getSpansList())))))
              .build()
              .start();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static <Q extends Message, P extends Message> ServerServiceDefinition service(
      String name, Q request, P response, Consumer<Q> take) {
    String service = "opentelemetry.proto.collector." + name;
    MethodDescriptor<Q, P> export =
        MethodDescriptor.<Q, P>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(service + "/Export")
            .setRequestMarshaller(new Wire<>(request))
            .setResponseMarshaller(new Wire<>(response))
            .build();
    return ServerServiceDefinition.builder(service)
        .addMethod(
            export,
            ServerCalls.asyncUnaryCall(
                (Q q, StreamObserver<P> to) -> {
                  take.accept(q);
                  to.onNext(response);
                  to.onCompleted();
                }))
        .build();
  }

  /** Every span received so far. */
  List<Span> spans() {
    return List.copyOf(spans);
  }

  /** Instrumentation scopes of which metrics were received. */
  Set<String> scopes() {
    return Set.copyOf(scopes);
  }

  String endpoint() {
    return scheme + "://127.0.0.1:" + server.getPort();
  }

  /** Everything received so far, newest values. A histogram's value is its count. */
  Map<Series, Double> values() {
    return Map.copyOf(values);
  }

  /** A metric as it was last received. */
  Metric metric(String name) {
    return metrics.get(name);
  }

  /** Attributes of the resource of a service. */
  Map<String, Object> resource(String service) {
    return resources.get(service);
  }

  /** Sum over the series of a metric that match. */
  double sum(String metric, Predicate<Series> which) {
    return values.entrySet().stream()
        .filter(e -> e.getKey().metric().equals(metric) && which.test(e.getKey()))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }

  private void take(ResourceMetrics r) {
    Map<String, Object> resource = attributes(r.getResource().getAttributesList());
    String service = (String) resource.get("service.name");
    resources.put(service, resource);
    for (ScopeMetrics s : r.getScopeMetricsList()) {
      scopes.add(s.getScope().getName());
      if (!s.getScope().getName().equals("io.weir")) {
        continue; // what the SDK tells about itself
      }
      for (Metric m : s.getMetricsList()) {
        metrics.put(m.getName(), m);
        for (NumberDataPoint p : m.getSum().getDataPointsList()) {
          values.put(series(service, m, p.getAttributesList()), number(p));
        }
        for (NumberDataPoint p : m.getGauge().getDataPointsList()) {
          values.put(series(service, m, p.getAttributesList()), number(p));
        }
        for (HistogramDataPoint p : m.getHistogram().getDataPointsList()) {
          values.put(series(service, m, p.getAttributesList()), (double) p.getCount());
        }
      }
    }
  }

  private static Series series(String service, Metric m, List<KeyValue> attributes) {
    return new Series(service, m.getName(), attributes(attributes));
  }

  private static double number(NumberDataPoint p) {
    return p.hasAsInt() ? p.getAsInt() : p.getAsDouble();
  }

  static Map<String, Object> attributes(List<KeyValue> list) {
    Map<String, Object> m = new TreeMap<>();
    for (KeyValue kv : list) {
      AnyValue v = kv.getValue();
      m.put(
          kv.getKey(),
          v.hasBoolValue()
              ? (Object) v.getBoolValue()
              : v.hasIntValue() ? (Object) v.getIntValue() : v.getStringValue());
    }
    return m;
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private record Wire<T extends Message>(T like) implements MethodDescriptor.Marshaller<T> {
    @Override
    public InputStream stream(T value) {
      return value.toByteString().newInput();
    }

    @Override
    @SuppressWarnings("unchecked")
    public T parse(InputStream in) {
      try {
        return (T) like.getParserForType().parseFrom(in);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
