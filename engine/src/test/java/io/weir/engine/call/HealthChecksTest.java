package io.weir.engine.call;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HealthChecksTest {
  /** Method, path and context path. */
  private static final class Source extends AttributeSource<String> {
    private final String method;
    private final String context;
    private final boolean grpc;

    Source(String method, String context, boolean grpc) {
      this.method = method;
      this.context = context;
      this.grpc = grpc;
    }

    @Override
    public String header(String call, String name) {
      return null;
    }

    @Override
    public String path(String call) {
      return grpc ? call : Paths.ofUri(call);
    }

    @Override
    public int contextLength(String call) {
      return context.length();
    }

    @Override
    public String method(String call) {
      return method;
    }

    @Override
    public String host(String call) {
      return null;
    }

    @Override
    public boolean grpc() {
      return grpc;
    }
  }

  private static boolean http(String method, String path) {
    return HealthChecks.DEFAULT.include(new Source(method, "", false), path);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/healthz",
        "/livez",
        "/readyz",
        "/actuator/health",
        "/actuator/health/liveness",
        "/actuator/health/readiness",
        "/healthz/",
        "//healthz",
        "/health%7a",
        "/actuator/health;x=1"
      })
  void aGetOrHeadOfAHealthPathIsOne(String path) {
    assertThat(http("GET", path)).isTrue();
    assertThat(http("HEAD", path)).isTrue();
    assertThat(http("POST", path)).isFalse();
    assertThat(http("get", path)).isFalse();
    assertThat(http(null, path)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/health",
        "/healthz/deep",
        "/a/healthz",
        "/healthzz",
        "/HEALTHZ",
        "/actuator",
        "/actuator/health/db",
        "/api%2F..%2Fhealthz",
        "/api/orders;/healthz"
      })
  void nothingElseIs(String path) {
    assertThat(http("GET", path)).isFalse();
  }

  @Test
  void theContextPathMayStandBefore() {
    Source shop = new Source("GET", "/shop", false);
    assertThat(HealthChecks.DEFAULT.include(shop, "/shop/actuator/health")).isTrue();
    assertThat(HealthChecks.DEFAULT.include(shop, "/actuator/health")).isTrue();
    assertThat(HealthChecks.DEFAULT.include(shop, "/shop")).isFalse();
    assertThat(HealthChecks.DEFAULT.include(shop, "/shop/x/healthz")).isFalse();
    assertThat(HealthChecks.DEFAULT.include(shop, "/x")).isFalse();
  }

  @Test
  void ofGrpcsHealthServiceOnlyCheckIs() {
    Source grpc = new Source("POST", "", true);
    assertThat(HealthChecks.DEFAULT.include(grpc, "/grpc.health.v1.Health/Check")).isTrue();
    assertThat(HealthChecks.DEFAULT.include(grpc, "/grpc.health.v1.Health/Watch")).isFalse();
    assertThat(HealthChecks.DEFAULT.include(grpc, "/healthz")).isFalse();
    assertThat(http("GET", "/grpc.health.v1.Health/Check")).isFalse();
  }

  @Test
  void otherPathsCanBeGivenAndNone() {
    HealthChecks own = new HealthChecks(Arrays.asList("/status/", "/x"));
    Source get = new Source("GET", "", false);
    assertThat(own.include(get, "/status")).isTrue();
    assertThat(own.include(get, "/healthz")).isFalse();
    HealthChecks none = new HealthChecks(Collections.<String>emptyList());
    assertThat(none.include(get, "/healthz")).isFalse();
    assertThat(none.include(new Source("POST", "", true), "/grpc.health.v1.Health/Check")).isTrue();
  }
}
