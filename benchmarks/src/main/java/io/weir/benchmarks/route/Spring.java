package io.weir.benchmarks.route;

import java.net.URI;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.cloud.client.DefaultServiceInstance;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.loadbalancer.DefaultRequest;
import org.springframework.cloud.client.loadbalancer.LoadBalancerProperties;
import org.springframework.cloud.client.loadbalancer.RequestData;
import org.springframework.cloud.client.loadbalancer.RequestDataContext;
import org.springframework.cloud.client.loadbalancer.reactive.ReactiveLoadBalancer;
import org.springframework.cloud.loadbalancer.core.HintBasedServiceInstanceListSupplier;
import org.springframework.cloud.loadbalancer.core.RoundRobinLoadBalancer;
import org.springframework.cloud.loadbalancer.core.ServiceInstanceListSupplier;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.util.LinkedMultiValueMap;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Spring Cloud LoadBalancer over a list of instances, by hint and round robin. */
final class Spring {
  private final RoundRobinLoadBalancer balancer;

  Spring(List<ServiceInstance> instances) {
    ServiceInstanceListSupplier all =
        new ServiceInstanceListSupplier() {
          @Override
          public String getServiceId() {
            return "payment";
          }

          @Override
          public Flux<List<ServiceInstance>> get() {
            return Flux.just(instances);
          }
        };
    ServiceInstanceListSupplier byHint =
        new HintBasedServiceInstanceListSupplier(all, new Properties());
    balancer =
        new RoundRobinLoadBalancer(
            new ObjectProvider<ServiceInstanceListSupplier>() {
              @Override
              public ServiceInstanceListSupplier getObject() {
                return byHint;
              }

              @Override
              public ServiceInstanceListSupplier getObject(Object... args) {
                return byHint;
              }

              @Override
              public ServiceInstanceListSupplier getIfAvailable() {
                return byHint;
              }

              @Override
              public ServiceInstanceListSupplier getIfUnique() {
                return byHint;
              }
            },
            "payment");
  }

  static ServiceInstance instance(int i, String host, Map<String, String> metadata) {
    return new DefaultServiceInstance("i" + i, "payment", host, 8080, false, metadata);
  }

  ServiceInstance choose(HttpHeaders headers) {
    RequestData data =
        new RequestData(
            HttpMethod.GET,
            URI_OF_CALL,
            headers,
            new LinkedMultiValueMap<>(),
            Collections.emptyMap());
    return Mono.from(balancer.choose(new DefaultRequest<>(new RequestDataContext(data, null))))
        .block()
        .getServer();
  }

  private static final URI URI_OF_CALL = URI.create("http://payment/");

  private static final class Properties implements ReactiveLoadBalancer.Factory<ServiceInstance> {
    private final LoadBalancerProperties properties = new LoadBalancerProperties();

    @Override
    public LoadBalancerProperties getProperties(String serviceId) {
      return properties;
    }

    @Override
    public ReactiveLoadBalancer<ServiceInstance> getInstance(String serviceId) {
      return null;
    }

    @Override
    public <X> Map<String, X> getInstances(String name, Class<X> type) {
      return Collections.emptyMap();
    }

    @Override
    public <X> X getInstance(String name, Class<?> clazz, Class<?>... generics) {
      return null;
    }
  }
}
