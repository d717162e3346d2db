package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What the client over the stubs promises beyond what the store's own tests ask of it. */
class StubWireTest {
  @Test
  void callsThatWaitForATokenShareOneLogIn() throws Exception {
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.ctl("user", "add", "root:right");
      etcd.ctl("auth", "enable");
      Wire wire =
          StubWire.connect(
              EtcdOptions.builder().endpoints(etcd.endpoint()).user("root", "right").build());
      try {
        long before = logIns(etcd);
        List<CompletableFuture<Wire.Page>> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
          calls.add(range(wire));
        }
        for (CompletableFuture<Wire.Page> call : calls) {
          assertThat(call.get(20, TimeUnit.SECONDS).entries).isEmpty();
        }
        assertThat(logIns(etcd) - before).isEqualTo(1);
      } finally {
        wire.close();
      }
    }
  }

  @Test
  void aNameIsTriedAtEachOfItsAddresses() throws Exception {
    try (EtcdServer etcd = EtcdServer.start()) {
      // this etcd listens at 127.0.0.1 only; where localhost is ::1, too, that is refused
      Wire wire =
          StubWire.connect(
              EtcdOptions.builder().endpoints("http://localhost:" + etcd.port()).build());
      try {
        assertThat(range(wire).get(20, TimeUnit.SECONDS).entries).isEmpty();
      } finally {
        wire.close();
      }
    }
  }

  @Test
  void nothingOfAClosedClientRemains() throws Exception {
    try (EtcdServer etcd = EtcdServer.start()) {
      Wire wire = StubWire.connect(EtcdOptions.builder().endpoints(etcd.endpoint()).build());
      range(wire).get(20, TimeUnit.SECONDS);
      Thread loop =
          Thread.getAllStackTraces().keySet().stream()
              .filter(t -> t.getName().startsWith("weir-etcd-io") && t.isAlive())
              .max((a, b) -> Long.compare(a.getId(), b.getId()))
              .orElseThrow();
      wire.close();
      loop.join(20_000);
      assertThat(loop.isAlive()).isFalse();
      assertThat(Thread.getAllStackTraces().keySet())
          .noneMatch(t -> t.getName().startsWith("grpc-"));
    }
  }

  private static CompletableFuture<Wire.Page> range(Wire wire) {
    CompletableFuture<Wire.Page> page = new CompletableFuture<>();
    wire.range(
        "/a",
        "/b",
        10,
        0,
        false,
        new Wire.Answer<>() {
          @Override
          public void ok(Wire.Page p) {
            page.complete(p);
          }

          @Override
          public void failed(WireException e) {
            page.completeExceptionally(e);
          }
        });
    return page;
  }

  /** By etcd's own count. */
  private static long logIns(EtcdServer etcd) throws Exception {
    String metrics =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(etcd.endpoint() + "/metrics")).build(),
                HttpResponse.BodyHandlers.ofString())
            .body();
    return metrics
        .lines()
        .filter(l -> l.startsWith("grpc_server_handled_total{"))
        .filter(l -> l.contains("grpc_code=\"OK\"") && l.contains("\"Authenticate\""))
        .mapToLong(l -> (long) Double.parseDouble(l.substring(l.lastIndexOf(' ') + 1)))
        .sum();
  }
}
