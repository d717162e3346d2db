package io.weir.smoke;

import io.weir.control.testing.EtcdServer;
import io.weir.control.testing.TcpProxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * What callers see of a service and what it sees itself stand side by side on the command line: one
 * caller has a broken network, another and the service itself are well. All are real JVMs under the
 * agent and share a real etcd.
 */
class BothSidesTest {
  private static final String RULE =
      "{\"window\": {\"type\": \"count\", \"size\": 10}, \"min_calls\": 10, \"open_seconds\": 1,"
          + " \"max_open_seconds\": 1, \"record\": {\"grpc\": [\"INTERNAL\", \"UNAVAILABLE\"]}}";

  private final String jars =
      Maven.resolve("io.grpc:grpc-netty-shaded:1.60.2", "io.grpc:grpc-stub:1.60.2");
  private final String classpath =
      Apps.with(Apps.compile(List.of("fleet", "fleet-grpc"), jars, Map.of()), jars);

  private Jvm jvm(EtcdServer etcd, String main, String service, String name, int port) {
    Jvm.Builder j =
        Jvm.of(Jdk.find(17).orElseThrow(), classpath, main)
            .weir(
                "service="
                    + service
                    + ";instance.address="
                    + name
                    + ":1;etcd.endpoints="
                    + etcd.endpoint()
                    // calls go where the test says, not to a registered address
                    + (port == 0 ? ";register=false" : ";services.pay=127.0.0.1:" + port));
    return (port == 0 ? j : j.arguments(name, Integer.toString(port))).launch();
  }

  private static void await(EtcdServer etcd, String what, Cli weir, String line, String pattern) {
    String[] out = new String[1];
    Await.until(
        Duration.ofSeconds(60),
        () -> {
          out[0] = weir.run(line.split(" ")).out();
          return out[0].replaceAll("\\s+", " ").matches("(?s).*" + pattern + ".*");
        },
        () ->
            "not told: "
                + what
                + "\n"
                + out[0]
                + etcd.ctl("get", "--prefix", "/circuit-breaker")
                + etcd.ctl("get", "--prefix", "/weir/status"));
  }

  @Test
  void statusAndExplainTellThatCallersSeeFailuresAndTheServiceItselfSeesNone() {
    try (EtcdServer etcd = EtcdServer.start();
        Jvm target = jvm(etcd, "fleet.Target", "pay", "pay-1", 0)) {
      etcd.ctl("put", "/service/pay/circuit-breaker", RULE);
      target.awaitReady();
      target.awaitStderr("connected to");
      Cli weir = new Cli(Work.fresh("both-sides")).env("WEIR_ETCD_ENDPOINTS", etcd.endpoint());
      try (TcpProxy network = new TcpProxy(target.port());
          Jvm sick = jvm(etcd, "fleet.Caller", "shop", "a", network.port());
          Jvm well = jvm(etcd, "fleet.Caller", "shop", "b", target.port())) {
        for (Jvm caller : List.of(sick, well)) {
          caller.awaitReady();
          caller.awaitStderr("connected to");
          caller.say("go");
        }
        network.refuse(true);
        String sides =
            "callers see \\d+ % failures \\([1-9]\\d* of \\d+\\), other callers 0 % \\(0 of"
                + " \\d+\\), the service itself sees 0 % \\(0 of [1-9]\\d*\\) in the 10 s to"
                + " \\d\\d:\\d\\d:\\d\\d UTC";
        await(etcd, "in status", weir, "status", "pay: " + sides);
        await(etcd, "in explain", weir, "explain pay /x", "the fleet says closed: .*; " + sides);
        await(
            etcd,
            "for programs",
            weir,
            "status --output json",
            "\"service\": \\{ \"calls\": [1-9]\\d*, \"failures\": 0, \"instances\": 1,.*");
        await(
            etcd, "in explain for programs", weir, "explain pay /x -o json", "\"callers\": \\{.*");

        network.refuse(false);
        await(etcd, "the vote is taken back", weir, "status pay", "(?!.*votes to open)");
        Await.until(
            Duration.ofSeconds(60),
            () ->
                !etcd.ctl("get", "--prefix", "--print-value-only", "/weir/status/pay/")
                    .contains("served"),
            () -> etcd.ctl("get", "--prefix", "/weir/status/pay/"));
      }
    }
  }

  @Test
  void aServiceThatFailsIsToldToSeeItItself() {
    try (EtcdServer etcd = EtcdServer.start();
        Jvm target = jvm(etcd, "fleet.Target", "pay", "pay-1", 0)) {
      etcd.ctl(
          "put", "/service/pay/circuit-breaker", RULE.replace("_seconds\": 1", "_seconds\": 60"));
      target.awaitReady();
      target.awaitStderr("connected to");
      Cli weir =
          new Cli(Work.fresh("both-sides-failing")).env("WEIR_ETCD_ENDPOINTS", etcd.endpoint());
      try (Jvm caller = jvm(etcd, "fleet.Caller", "shop", "a", target.port())) {
        caller.awaitReady();
        caller.awaitStderr("connected to");
        target.say("fail all");
        target.awaitStdout("DONE fail all");
        caller.say("go");
        await(
            etcd,
            "the breaker is open and both see why",
            weir,
            "status pay",
            "pay open .*pay: callers see \\d+ % failures .*the service itself sees \\d+ %"
                + " \\([1-9].*");
      }
    }
  }
}
