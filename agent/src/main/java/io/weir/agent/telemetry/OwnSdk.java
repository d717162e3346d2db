package io.weir.agent.telemetry;

import io.grpc.ManagedChannel;
import io.grpc.okhttp.OkHttpChannelBuilder;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import io.opentelemetry.api.metrics.MeterProvider;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporterBuilder;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.weir.control.etcd.Tls;
import io.weir.engine.measure.MetricReader;
import io.weir.instrumentation.opentelemetry.adapter.Instruments;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * An OpenTelemetry SDK of our own, for applications that have none: metrics by OTLP over gRPC, each
 * {@code interval}, on the daemon thread {@code weir-metrics}. Registered nowhere; the application
 * does not see it. Only loaded with {@code weir.metrics.exporter=otlp}.
 */
final class OwnSdk implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 2;

  private final SdkMeterProvider provider;

  /** Null: the exporter has one of its own. */
  private final @Nullable ManagedChannel channel;

  private final ScheduledExecutorService thread;

  /**
   * @param endpoint {@code http://} or {@code https://} URL of a collector
   * @param headers sent along, say for authentication
   * @param resource what is known of this instance, by semantic convention
   * @throws IllegalArgumentException when the endpoint is no URL
   */
  OwnSdk(
      MetricReader readings,
      String endpoint,
      Map<String, String> headers,
      long intervalMillis,
      Map<String, String> resource) {
    AttributesBuilder attributes = Attributes.builder();
    for (Map.Entry<String, String> e : resource.entrySet()) {
      attributes.put(AttributeKey.stringKey(e.getKey()), e.getValue());
    }
    OtlpGrpcMetricExporterBuilder exporter = OtlpGrpcMetricExporter.builder().setEndpoint(endpoint);
    for (Map.Entry<String, String> e : headers.entrySet()) {
      exporter.addHeader(e.getKey(), e.getValue());
    }
    URI at = URI.create(endpoint);
    channel = "https".equals(at.getScheme()) ? secure(at) : null;
    if (channel != null) {
      exporter.setChannel(channel);
    }
    thread =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread t = new Thread(task, "weir-metrics");
              t.setDaemon(true);
              t.setContextClassLoader(OwnSdk.class.getClassLoader());
              return t;
            });
    provider =
        SdkMeterProvider.builder()
            .setResource(Resource.getDefault().merge(Resource.create(attributes.build())))
            .registerMetricReader(
                PeriodicMetricReader.builder(exporter.build())
                    .setInterval(intervalMillis, TimeUnit.MILLISECONDS)
                    .setExecutor(thread)
                    .build())
            .build();
    new Instruments(only(provider), readings).register();
  }

  private static ManagedChannel secure(URI at) {
    OkHttpChannelBuilder b = OkHttpChannelBuilder.forAddress(at.getHost(), at.getPort());
    try {
      Tls.use(b);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("TLS cannot be set up: " + e, e);
    }
    return b.build();
  }

  private static OpenTelemetry only(MeterProvider meters) {
    return new OpenTelemetry() {
      @Override
      public MeterProvider getMeterProvider() {
        return meters;
      }

      @Override
      public TracerProvider getTracerProvider() {
        return TracerProvider.noop();
      }

      @Override
      public ContextPropagators getPropagators() {
        return ContextPropagators.noop();
      }
    };
  }

  /** Sends what there is, and stops. */
  @Override
  public void close() {
    provider.shutdown().join(PATIENCE_SECONDS, TimeUnit.SECONDS);
    thread.shutdownNow();
    if (channel != null) {
      channel.shutdownNow();
    }
  }
}
