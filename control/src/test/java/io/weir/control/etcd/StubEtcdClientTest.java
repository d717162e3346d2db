package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.TcpProxy;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the client over the stubs promises beyond what the store's own tests ask of it. */
class StubEtcdClientTest {
  @Test
  void callsThatWaitForATokenShareOneLogIn() throws Exception {
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.ctl("user", "add", "root:right");
      etcd.ctl("auth", "enable");
      EtcdClient wire =
          StubEtcdClient.connect(
              EtcdOptions.builder().endpoints(etcd.endpoint()).user("root", "right").build());
      try {
        long before = logIns(etcd);
        List<CompletableFuture<EtcdClient.Page>> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
          calls.add(range(wire));
        }
        for (CompletableFuture<EtcdClient.Page> call : calls) {
          assertThat(call.get(20, TimeUnit.SECONDS).entries).isEmpty();
        }
        assertThat(logIns(etcd) - before).isEqualTo(1);
      } finally {
        wire.close();
      }
    }
  }

  /** In a JVM of its own, because one has one table of names. */
  @Test
  void aNameIsTriedAtEachOfItsAddresses(@TempDir Path work) throws Exception {
    try (EtcdServer etcd = EtcdServer.start()) {
      // nobody listens at the first
      Path names = Files.writeString(work.resolve("hosts"), "127.0.0.2 two\n127.0.0.1 two\n");
      Process p =
          new ProcessBuilder(
                  System.getProperty("java.home") + "/bin/java",
                  "-Djdk.net.hosts.file=" + names,
                  "-cp",
                  System.getProperty("java.class.path"),
                  Asks.class.getName(),
                  "http://two:" + etcd.port())
              .redirectErrorStream(true)
              .start();
      String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(said).contains("[two/127.0.0.2, two/127.0.0.1]", "answered");
    }
  }

  /** Asks the endpoint it is given, and says so. */
  static final class Asks {
    public static void main(String[] endpoint) throws Exception {
      System.out.println(Arrays.toString(InetAddress.getAllByName("two")));
      range(StubEtcdClient.connect(EtcdOptions.builder().endpoints(endpoint[0]).build()))
          .get(20, TimeUnit.SECONDS);
      System.out.println("answered");
    }
  }

  @Test
  void nothingOfAClosedClientRemains() throws Exception {
    try (EtcdServer etcd = EtcdServer.start()) {
      Set<Thread> before = Thread.getAllStackTraces().keySet();
      EtcdClient wire =
          StubEtcdClient.connect(EtcdOptions.builder().endpoints(etcd.endpoint()).build());
      range(wire).get(20, TimeUnit.SECONDS);
      List<Thread> clients =
          Thread.getAllStackTraces().keySet().stream()
              .filter(
                  t ->
                      !before.contains(t) && t.getName().matches("(weir-etcd|grpc|jetcd|OkHttp).*"))
              .toList();
      assertThat(clients).extracting(Thread::getName).anyMatch(n -> n.startsWith("weir-etcd-io"));
      assertThat(clients)
          .extracting(Thread::getName)
          .allMatch(n -> n.startsWith("weir-etcd-") || n.equals("OkHttpClientTransport"));
      wire.close();
      for (Thread t : clients) {
        t.join(20_000);
        assertThat(t.isAlive()).as(t.getName()).isFalse();
      }
    }
  }

  /** The certificate is for 127.0.0.1, ::1 and localhost. */
  @Test
  void byTlsTheServerIsWhoItIsCalled() throws Exception {
    try (EtcdServer etcd = EtcdServer.reserveTls();
        TcpProxy ip6 = new TcpProxy("::1", etcd.port());
        TcpProxy other = new TcpProxy("127.0.0.2", etcd.port())) {
      etcd.restart();
      assertThat(asked(etcd, etcd.endpoint())).isEqualTo("answered");
      assertThat(asked(etcd, "https://localhost:" + etcd.port())).isEqualTo("answered");
      assertThat(asked(etcd, "https://[::1]:" + ip6.port())).isEqualTo("answered");
      assertThat(asked(etcd, "https://127.0.0.2:" + other.port()))
          .startsWith("TLS ")
          .contains("No subject alternative names matching IP address 127.0.0.2");
    }
  }

  private static String asked(EtcdServer etcd, String endpoint) throws Exception {
    EtcdClient wire =
        StubEtcdClient.connect(
            EtcdOptions.builder()
                .endpoints(endpoint)
                .tlsCa(etcd.certificate())
                .tlsIdentity(etcd.certificate(), etcd.key())
                .build());
    try {
      range(wire).get(20, TimeUnit.SECONDS);
      return "answered";
    } catch (ExecutionException e) {
      EtcdCallException why = (EtcdCallException) e.getCause();
      return why.kind + " " + why.text();
    } finally {
      wire.close();
    }
  }

  private static CompletableFuture<EtcdClient.Page> range(EtcdClient wire) {
    CompletableFuture<EtcdClient.Page> page = new CompletableFuture<>();
    wire.range(
        "/a",
        "/b",
        10,
        0,
        false,
        new EtcdClient.Answer<>() {
          @Override
          public void ok(EtcdClient.Page p) {
            page.complete(p);
          }

          @Override
          public void failed(EtcdCallException e) {
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
