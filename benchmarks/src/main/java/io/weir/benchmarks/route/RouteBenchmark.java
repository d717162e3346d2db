package io.weir.benchmarks.route;

import io.grpc.Attributes;
import io.grpc.EquivalentAddressGroup;
import io.grpc.LoadBalancer.Subchannel;
import io.grpc.Metadata;
import io.grpc.xds.XdsRoutes;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchParser;
import io.weir.engine.route.Router;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RouteRule.Balance;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.http.HttpHeaders;

/**
 * One decision of a service with 20 routing rows, of which the last matches and splits 95 to 5,
 * among instances in three zones.
 *
 * <p>{@code floor} is what cannot be left out: 20 string comparisons, a random number, an array
 * read. Spring Cloud LoadBalancer chooses by hint (its own way to a canary, one rule) and round
 * robin; it has no rows, weights or regions, so it does less. {@code xds} is gRPC's matching and
 * picking, see {@link XdsRoutes}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RouteBenchmark {
  private static final int ROWS = 20;

  @Param({"100", "1000"})
  public int instances;

  private final String[] wanted = new String[ROWS];
  private Instance[] all;
  private Router drawn;
  private Router sticky;
  private Router mixed;
  private Router hashed;
  private Spring spring;
  private XdsRoutes xds;

  /** A call's headers, read without allocating. */
  @State(Scope.Thread)
  public static class Call {
    final CallLedger ledger = new CallLedger();
    final HttpHeaders headers = new HttpHeaders();
    final Metadata metadata = new Metadata();
    String env = "env-" + (ROWS - 1);
    String user = "user-4711";
    final String[] users = new String[4096];
    int turn;

    @Setup
    public void setUp() {
      for (int i = 0; i < users.length; i++) {
        users[i] = "user-" + i;
      }
      headers.set("X-SC-LB-Hint", "v2");
      metadata.put(Metadata.Key.of("x-env", Metadata.ASCII_STRING_MARSHALLER), env);
      metadata.put(Metadata.Key.of("x-user-id", Metadata.ASCII_STRING_MARSHALLER), user);
    }
  }

  private static final AttributeSource<Call> SOURCE =
      new AttributeSource<Call>() {
        @Override
        public String header(Call call, String name) {
          return name.equals("X-Env") ? call.env : call.user;
        }

        @Override
        public String path(Call call) {
          return "/";
        }

        @Override
        public String method(Call call) {
          return "GET";
        }

        @Override
        public String host(Call call) {
          return "payment";
        }
      };

  @Setup
  public void setUp() {
    List<Instance> live = new ArrayList<>();
    List<ServiceInstance> springs = new ArrayList<>();
    List<List<List<Subchannel>>> subchannels = List.of(zones(), zones());
    for (int i = 0; i < instances; i++) {
      String version = i % 10 == 0 ? "v2" : "v1";
      String host = "127.0." + i / 250 + "." + (1 + i % 250);
      String zone = "cn-east-2" + (char) ('a' + i % 3);
      live.add(
          new Instance(
              "payment", host, 8080, version, "cn-east-2", zone, new HashMap<>(), 100, null));
      subchannels.get(version.equals("v2") ? 1 : 0).get(i % 3).add(new Connection());
      springs.add(Spring.instance(i, host, Map.of("hint", version)));
    }
    all = live.toArray(new Instance[0]);
    for (int i = 0; i < ROWS; i++) {
      wanted[i] = "env-" + i;
    }
    Attribute user = Attribute.parse("header:X-User-Id");
    drawn = router(live, "", null, Balance.LEAST_IN_FLIGHT);
    sticky = router(live, "", user, Balance.LEAST_IN_FLIGHT);
    mixed = router(live, " && method == 'GET'", null, Balance.LEAST_IN_FLIGHT);
    hashed = router(live, "", user, Balance.RENDEZVOUS);
    spring = new Spring(springs);
    xds = new XdsRoutes(ROWS, subchannels.get(0), subchannels.get(1));
  }

  private static List<List<Subchannel>> zones() {
    return List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
  }

  private static final class Connection extends Subchannel {
    @Override
    public void shutdown() {}

    @Override
    public void requestConnection() {}

    @Override
    public List<EquivalentAddressGroup> getAllAddresses() {
      return List.of();
    }

    @Override
    public Attributes getAttributes() {
      return Attributes.EMPTY;
    }
  }

  private static Router router(List<Instance> live, String and, Attribute sticky, Balance balance) {
    List<RouteRule.Route> routes = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      routes.add(
          new RouteRule.Route(
              MatchParser.parse("header:X-Env == 'env-" + i + "'" + and),
              "",
              List.of(
                  new RouteRule.Arm("v1", Collections.emptyMap(), 95),
                  new RouteRule.Arm("v2", Collections.emptyMap(), 5)),
              sticky,
              RouteRule.Fallback.DEFAULT,
              Collections.emptyMap(),
              0));
    }
    RouteRule rule =
        RouteRule.builder()
            .id("r")
            .service("payment")
            .routes(routes)
            .region(true, 0.714)
            .balance(balance)
            .build();
    return Router.build(null, rule, live, new Locality("cn-east-2", "cn-east-2a"), 0);
  }

  private Instance pick(Router router, Call call) {
    call.ledger.begin(0, null);
    router.pick(SOURCE, call, 0, call.ledger);
    return call.ledger.instance();
  }

  @Benchmark
  public Instance weir(Call call) {
    return pick(drawn, call);
  }

  @Benchmark
  public Instance weirSticky(Call call) {
    return pick(sticky, call);
  }

  /** The instance, too, is the user's own; another user at every call. */
  @Benchmark
  public Instance weirRendezvous(Call call) {
    call.user = call.users[call.turn++ & call.users.length - 1];
    return pick(hashed, call);
  }

  /** Rows that no table can answer: asked one by one. */
  @Benchmark
  public Instance weirRowByRow(Call call) {
    return pick(mixed, call);
  }

  @Benchmark
  public Object springCloud(Call call) {
    return spring.choose(call.headers);
  }

  @Benchmark
  public Object xds(Call call) {
    return xds.pick("/shop.Payment/pay", call.metadata);
  }

  @Benchmark
  public Instance floor(Call call) {
    int row = 0;
    while (!wanted[row].equals(call.env)) {
      row++;
    }
    return all[ThreadLocalRandom.current().nextInt(all.length)];
  }
}
