package io.weir.engine.colour;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.instances.Instance;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.CircuitBreakerRule;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Request;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class PropagatedHeadersTest {
  private static final RouteRule RULE =
      RouteRule.builder()
          .service("payment")
          .routes(
              List.of(
                  route("header:X-Canary == 'true' && exists header:Authorization", null),
                  route("header:X-Env in ['prod'] || tag:lane == 'x'", "header:X-User-Id"),
                  route("path == '/'", "cookie:uid")))
          .build();

  private final PropagatedHeaders carried = PropagatedHeaders.by(List.of(RULE));

  private static RouteRule.Route route(String match, String sticky) {
    return new RouteRule.Route(
        match == null ? MatchExpression.ALWAYS : MatchParser.parse(match),
        match,
        List.of(new RouteRule.Arm("v1", Map.of(), 1)),
        sticky == null ? null : Attribute.parse(sticky),
        RouteRule.Fallback.NONE,
        Map.of(),
        0);
  }

  @Test
  void headersThatRulesLookAtAreCarriedAndCredentialsAreNot() {
    assertThat(carried.headers()).containsExactly("x-canary", "x-env", "x-user-id");
  }

  @Test
  void aPlainRequestHasNoColour() {
    assertThat(carried.read(Request.SOURCE, Request.of("header:X-Other", "1")))
        .isSameAs(Colour.NONE);
    assertThat(carried.read(Request.SOURCE, Request.of("header:baggage", "other=1,x=2")))
        .as("nobody asks for these")
        .isSameAs(Colour.NONE);
    assertThat(carried.write(Colour.NONE, Request.OUTBOUND, Request.of())).isEmpty();
  }

  @Test
  void theRequestsOwnHeaderWinsOverItsBaggage() {
    Colour c =
        carried.read(
            Request.SOURCE,
            Request.of("header:X-Canary", "true", "header:baggage", "x-canary=false,lane=blue"));
    assertThat(c).hasToString("x-canary=true, lane=blue");
  }

  private Colour read(String... namesAndValues) {
    return carried.read(Request.SOURCE, Request.of(namesAndValues));
  }

  @Test
  void aTagLeavesTheWayItCame() {
    assertThat(
            carried.write(
                read("header:X-Canary", "true", "header:baggage", "x-env=prod,other=1,lane=blue"),
                Request.OUTBOUND,
                Request.of()))
        .containsExactly("x-canary", "true", "baggage", "x-env=prod,lane=blue");
  }

  @Test
  void whatTheApplicationSetStays() {
    Colour c = read("header:X-Canary", "true", "header:baggage", "x-env=prod,lane=blue");
    Request call = Request.of("header:X-Canary", "no", "header:baggage", "lane=red;p=1,id=7");
    assertThat(carried.write(c, Request.OUTBOUND, call))
        .containsExactly("baggage", "lane=red;p=1,id=7,x-env=prod");
    assertThat(
            carried.write(
                read("header:baggage", "lane=blue"),
                Request.OUTBOUND,
                Request.of("header:baggage", "lane=red")))
        .as("nothing to add: the call is left as it is")
        .isEmpty();
  }

  /** Beside much of the application's own there is no room for ours. */
  @Test
  void toLongBaggageOfTheApplicationNothingIsAdded() {
    Colour c = read("header:baggage", "lane=blue");
    String own = "id=" + "x".repeat(PropagatedHeaders.MAX_BAGGAGE - 3 - ",lane=blue".length());
    assertThat(carried.write(c, Request.OUTBOUND, Request.of("header:baggage", own)))
        .containsExactly("baggage", own + ",lane=blue");
    assertThat(carried.write(c, Request.OUTBOUND, Request.of("header:baggage", own + "x")))
        .isEmpty();
  }

  @Test
  void aHeaderThatCouldBreakOutOfItsLineIsNotSentOn() {
    assertThat(
            carried.write(
                read("header:X-Canary", "Amélie", "header:X-Env", "a\r\nb"),
                Request.OUTBOUND,
                Request.of()))
        .isEmpty();
  }

  /** Encoding anew may make a member six times as long: then it stays behind, whole. */
  @Test
  void whatGrowsOnItsWayIsLeftOut() {
    assertThat(carried.write(read("header:baggage", "lane=ééé"), Request.OUTBOUND, Request.of()))
        .isEmpty();
    assertThat(
            carried.write(
                read("header:baggage", "lane=ééé,x-env=prod"), Request.OUTBOUND, Request.of()))
        .containsExactly("baggage", "x-env=prod");
  }

  /**
   * Whatever a stranger sends and whatever rules look at: what is added is bounded, no longer than
   * what came in, ASCII, made of tags somebody asks for, and takes nothing from the application.
   */
  @Test
  void hostileHeadersAddAtMostAKilobyteAndNeverMoreThanCameIn() {
    long seed = Long.getLong("weir.test.seed", System.nanoTime());
    Random random = new Random(seed);
    String[] names = {"x-canary", "x-env", "x-user-id", "lane", "other", "X-Env", "ä", "a b", ""};
    String[] pieces = {"a", "=", ",", ";", "%", "%2C", "%0d%0a", "é", " ", "\"", "\\", "~", "%C3"};
    int something = 0;
    for (int round = 0; round < 5_000; round++) {
      Request in = Request.of();
      int came = 0;
      for (String header : new String[] {"X-Canary", "X-Env", "X-User-Id", "Authorization"}) {
        if (random.nextInt(3) == 0) {
          String value = text(random, pieces, 1 << random.nextInt(11));
          in.with("header:" + header, value);
          came += header.length() + value.length();
        }
      }
      if (random.nextInt(4) > 0) {
        StringBuilder baggage = new StringBuilder();
        for (int n = random.nextInt(random.nextBoolean() ? 4 : 90); n >= 0; n--) {
          baggage
              .append(names[random.nextInt(names.length)])
              .append(random.nextInt(20) == 0 ? "" : "=")
              .append(text(random, pieces, 1 << random.nextInt(7)))
              .append(random.nextInt(20) == 0 ? ";" : ",");
        }
        in.with("header:baggage", baggage.toString());
        came += "baggage".length() + baggage.length();
      }
      Request out = Request.of();
      String own = random.nextBoolean() ? null : "own=" + text(random, new String[] {"x"}, 6000);
      if (own != null) {
        out.with("header:baggage", own);
      }
      String[] set = carried.write(carried.read(Request.SOURCE, in), Request.OUTBOUND, out);
      int added = 0;
      for (int i = 0; i < set.length; i += 2) {
        added += set[i].length() + set[i + 1].length();
        something++;
        assertThat(set[i + 1]).as("seed %d", seed).matches("[ -~]*");
        if (set[i].equals("baggage")) {
          String ours = set[i + 1];
          if (own != null) {
            assertThat(ours).as("seed %d", seed).startsWith(own + ",");
            assertThat(ours.length())
                .as("seed %d", seed)
                .isLessThanOrEqualTo(PropagatedHeaders.MAX_BAGGAGE);
            added -= "baggage".length() + own.length();
            ours = ours.substring(own.length() + 1);
          }
          for (String member : ours.split(",", -1)) {
            assertThat(member)
                .as("seed %d", seed)
                .matches("(x-canary|x-env|x-user-id|lane)=[!-~&&[^;\"]]*");
          }
        }
      }
      assertThat(added).as("seed %d", seed).isLessThanOrEqualTo(Math.min(1024, came));
    }
    assertThat(something).as("seed %d", seed).isGreaterThan(1000);
  }

  private static String text(Random random, String[] pieces, int most) {
    StringBuilder s = new StringBuilder();
    for (int n = random.nextInt(most + 1); n > 0; n--) {
      s.append(pieces[random.nextInt(pieces.length)]);
    }
    return s.toString();
  }

  @Test
  void threeHopsSeeWhatTheFirstSaw() {
    Request hop = Request.of("header:X-Canary", "true");
    for (int i = 0; i < 3; i++) {
      Colour c = carried.read(Request.SOURCE, hop);
      hop = Request.of();
      String[] set = carried.write(c, Request.OUTBOUND, hop);
      for (int h = 0; h < set.length; h += 2) {
        hop.with("header:" + set[h], set[h + 1]);
      }
    }
    assertThat(RULE.routes.get(0).match.test(Request.SOURCE, hop)).isFalse();
    assertThat(carried.read(Request.SOURCE, hop)).hasToString("x-canary=true");
  }

  @Test
  void theEngineHandsBothKindsOfHeadersOut() {
    Engine engine = new Engine(EngineOptions.of("cart", Ticker.SYSTEM));
    engine.apply(new RuleBook.Builder().add(RULE).build());
    CallLedger ledger = new CallLedger();
    ledger.begin(0, null);
    ledger.routed(null, "v1", 0, new String[] {"X-Arm", "v1"});
    Request call = Request.of("host", "payment");
    assertThat(engine.propagation().headers(Request.OUTBOUND, call, ledger))
        .isSameAs(ledger.headers());
    Colour before =
        Colour.swap(
            engine.propagation().colour(Request.SOURCE, Request.of("header:X-Env", "prod")));
    try {
      assertThat(engine.propagation().headers(Request.OUTBOUND, call, ledger))
          .containsExactly("x-env", "prod", "X-Arm", "v1");
    } finally {
      Colour.swap(before);
    }
    engine.apply(new RuleBook.Builder().add(RULE).off(true).build());
    assertThat(engine.propagation().colour(Request.SOURCE, Request.of("header:X-Env", "prod")))
        .isSameAs(Colour.NONE);
  }

  @Test
  void aStrangerSeesNoColourUnlessItIsARegisteredInstanceOrConfigured() {
    Request call = Request.of("host", "api.example.com");
    CallLedger routed = new CallLedger();
    routed.begin(0, null);
    routed.routed(
        new Instance("pay", "api.example.com", 443, null, null, null, Map.of(), 100, null),
        "v1",
        0,
        new String[0]);
    Engine shy = new Engine(EngineOptions.of("cart", Ticker.SYSTEM));
    Engine open =
        new Engine(
            EngineOptions.of("cart", Ticker.SYSTEM)
                .propagateTo(PropagationScope.of("example.com")));
    for (Engine engine : List.of(shy, open)) {
      engine.apply(new RuleBook.Builder().add(RULE).build());
    }
    Colour before = Colour.swap(read("header:X-Env", "prod"));
    try {
      assertThat(shy.propagation().headers(Request.OUTBOUND, call, null)).isEmpty();
      assertThat(shy.propagation().headers(Request.OUTBOUND, call, routed))
          .contains("x-env", "prod");
      assertThat(open.propagation().headers(Request.OUTBOUND, call, null))
          .contains("x-env", "prod");
    } finally {
      Colour.swap(before);
    }
  }

  /** Both peers leaked here: set without reset, or reset before the handler ran. */
  @Tag("no-mutation")
  @Test
  void aPooledThreadNeverKeepsARequestsColour() throws Exception {
    int rounds = 5000;
    ExecutorService pool = Executors.newFixedThreadPool(2);
    try {
      CountDownLatch bothIn = new CountDownLatch(2);
      List<Future<Integer>> workers =
          List.of(
              pool.submit(() -> serve(rounds, 0, bothIn)),
              pool.submit(() -> serve(rounds, 1, bothIn)));
      for (Future<Integer> f : workers) {
        assertThat(f.get()).isEqualTo(rounds);
      }
      for (int i = 0; i < 4; i++) {
        assertThat(pool.submit(Colour::current).get()).isSameAs(Colour.NONE);
      }
    } finally {
      pool.shutdownNow();
    }
  }

  /** Coloured and plain requests in turn, every third failing, as an adapter would serve them. */
  private Integer serve(int rounds, int worker, CountDownLatch bothIn) throws Exception {
    bothIn.countDown();
    bothIn.await();
    int right = 0;
    for (int i = 0; i < rounds; i++) {
      boolean coloured = (i + worker) % 2 == 0;
      Request call = coloured ? Request.of("header:X-Canary", worker + "-" + i) : Request.of();
      Colour before = Colour.swap(carried.read(Request.SOURCE, call));
      try {
        String tag = Colour.current().get("x-canary");
        if (coloured ? (worker + "-" + i).equals(tag) : tag == null) {
          right++;
        }
        if (i % 3 == 0) {
          throw new IllegalStateException("the handler failed");
        }
      } catch (IllegalStateException expected) {
        // the next request must not notice
      } finally {
        Colour.swap(before);
      }
      if (Colour.current() != Colour.NONE) {
        return -1;
      }
    }
    return right;
  }

  @Test
  void everythingARuleMayLookAtIsCarried() {
    RouteRule rule =
        RouteRule.builder()
            .match(MatchParser.parse("header:About == 'x'"))
            .hashOn(Attribute.parse("header:Hash"))
            .routes(
                List.of(
                    new RouteRule.Route(
                        MatchExpression.ALWAYS,
                        null,
                        List.of(
                            new RouteRule.Arm(
                                "v1", Map.of(), 1, MatchParser.parse("exists header:Arm"))),
                        null,
                        RouteRule.Fallback.NONE,
                        Map.of(),
                        0,
                        new RouteRule.Ab(
                            Attribute.parse("header:Ab"),
                            Attribute.parse("query:ab"),
                            List.of(Attribute.parse("header:User"))))))
            .build();
    assertThat(PropagatedHeaders.by(List.of(rule)).headers())
        .containsExactly("ab", "about", "arm", "hash", "user");
    assertThat(PropagatedHeaders.by(List.of()).headers()).isEmpty();
  }

  @Test
  void headersOfOneMessageOrConnectionAreNeverCarried() {
    String never =
        "accept accept-charset accept-encoding accept-language authorization baggage cache-control"
            + " connection content-encoding content-length content-type cookie date expect host"
            + " if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive"
            + " origin pragma proxy-authorization proxy-connection range referer te trailer"
            + " transfer-encoding upgrade user-agent via http2-settings grpc-timeout grpc-x"
            + " proxy-x";
    for (String name : never.split(" ")) {
      RouteRule rule = RouteRule.builder().hashOn(Attribute.parse("header:" + name)).build();
      assertThat(PropagatedHeaders.by(List.of(rule)).headers()).as(name).isEmpty();
    }
  }

  /** Also those of limits and breakers, which look at what came as baggage. */
  @Test
  void tagsThatAnyRuleLooksAtAreCarriedAndNoOthers() {
    Engine engine = new Engine(EngineOptions.of("cart", Ticker.SYSTEM));
    RuleBook.Builder book =
        new RuleBook.Builder()
            .add(RULE)
            .add(
                RateLimitRule.builder()
                    .service("cart")
                    .qps(1)
                    .by(List.of(Attribute.parse("tag:user"), Attribute.parse("header:X-Tenant")))
                    .build())
            .add(
                CircuitBreakerRule.builder()
                    .service("*")
                    .match(MatchParser.parse("tag:shop == 'a'"))
                    .build());
    engine.apply(book.build());
    Request call =
        Request.of("header:baggage", "user=1,x-tenant=2,shop=3,canary=4,other=5,authorization=6");
    assertThat(engine.propagation().colour(Request.SOURCE, call))
        .hasToString("user=1, x-tenant=2, shop=3");
    engine.apply(
        book.instance(
                new Instance(
                    "pay", "10.0.0.1", 1, null, null, null, Map.of("canary", "x"), 100, null))
            .build());
    assertThat(engine.propagation().colour(Request.SOURCE, call))
        .as("isolation looks at canary")
        .hasToString("user=1, x-tenant=2, shop=3, canary=4");
  }

  @Test
  void atMost64HeadersAreCarriedTheFirstByName() {
    StringBuilder match = new StringBuilder("exists path");
    for (int i = 10; i < 80; i++) {
      match.append(" || exists header:h").append(i);
    }
    List<String> headers =
        PropagatedHeaders.by(
                List.of(RouteRule.builder().match(MatchParser.parse("" + match)).build()))
            .headers();
    assertThat(headers).hasSize(64).startsWith("h10").endsWith("h73");
  }

  @Test
  void aValueThatIsTooLongIsNotCarried() {
    String longest = "x".repeat(1024);
    assertThat(carried.read(Request.SOURCE, Request.of("header:X-Env", longest)).get("x-env"))
        .isEqualTo(longest);
    assertThat(carried.read(Request.SOURCE, Request.of("header:X-Env", longest + "x")))
        .isSameAs(Colour.NONE);
  }

  @Test
  void onlyPrintableTagsBecomeHeaders() {
    assertThat(carried.write(read("header:X-Env", " ~"), Request.OUTBOUND, Request.of()))
        .containsExactly("x-env", " ~");
    for (String broken : new String[] {"\u007f", "\u001f"}) {
      assertThat(carried.write(read("header:X-Env", broken), Request.OUTBOUND, Request.of()))
          .isEmpty();
    }
  }

  @Test
  void aColourWhoseNamesCannotBeWrittenAddsNoHeader() {
    Colour c = Colour.of("a b", "1");
    assertThat(carried.write(c, Request.OUTBOUND, Request.of())).isEmpty();
    assertThat(carried.write(c, Request.OUTBOUND, Request.of())).as("and again").isEmpty();
  }
}
