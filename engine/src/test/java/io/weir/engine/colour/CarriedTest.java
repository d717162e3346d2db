package io.weir.engine.colour;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.Ticker;
import io.weir.engine.call.Ticket;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.Targets;
import io.weir.engine.instances.Instance;
import io.weir.engine.instances.Locality;
import io.weir.engine.match.Match;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import io.weir.engine.testing.Request;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class CarriedTest {
  private static final RouteRule RULE =
      RouteRule.builder()
          .service("payment")
          .routes(
              List.of(
                  route("header:X-Canary == 'true' && exists header:Authorization", null),
                  route("header:X-Env in ['prod'] || tag:lane == 'x'", "header:X-User-Id"),
                  route("path == '/'", "cookie:uid")))
          .build();

  private final Carried carried = Carried.by(List.of(RULE));

  private static RouteRule.Route route(String match, String sticky) {
    return new RouteRule.Route(
        match == null ? Match.ALWAYS : MatchParser.parse(match),
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

  @Test
  void theColourGoesOutAsHeaderAndAsBaggage() {
    Colour c = Colour.of("x-canary", "true", "lane", "blue");
    assertThat(carried.write(c, Request.OUTBOUND, Request.of()))
        .containsExactly("x-canary", "true", "baggage", "x-canary=true,lane=blue");
  }

  @Test
  void whatTheApplicationSetStays() {
    Colour c = Colour.of("x-canary", "true", "lane", "blue");
    Request call = Request.of("header:X-Canary", "no", "header:baggage", "lane=red;p=1,id=7");
    assertThat(carried.write(c, Request.OUTBOUND, call))
        .containsExactly("baggage", "lane=red;p=1,id=7,x-canary=true");
  }

  @Test
  void aTagThatCannotBeAHeaderTravelsAsBaggageOnly() {
    Colour c = Colour.of("x-canary", "Amélie", "x-env", "a\r\nb");
    assertThat(carried.write(c, Request.OUTBOUND, Request.of()))
        .containsExactly("baggage", "x-canary=Am%C3%A9lie,x-env=a%0D%0Ab");
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
    Engine engine = new Engine("cart", Ticker.SYSTEM);
    engine.apply(new RuleBook.Builder().add(RULE).build());
    Ticket ticket = new Ticket();
    ticket.begin(0, null);
    ticket.routed(null, "v1", 0, new String[] {"X-Arm", "v1"});
    Request call = Request.of("host", "payment");
    assertThat(engine.headers(Request.OUTBOUND, call, ticket)).isSameAs(ticket.headers());
    Colour before = Colour.swap(engine.colour(Request.SOURCE, Request.of("header:X-Env", "prod")));
    try {
      assertThat(engine.headers(Request.OUTBOUND, call, ticket))
          .containsExactly("x-env", "prod", "baggage", "x-env=prod", "X-Arm", "v1");
    } finally {
      Colour.swap(before);
    }
    engine.apply(new RuleBook.Builder().add(RULE).off(true).build());
    assertThat(engine.colour(Request.SOURCE, Request.of("header:X-Env", "prod")))
        .isSameAs(Colour.NONE);
  }

  @Test
  void aStrangerSeesNoColourUnlessItIsARegisteredInstanceOrConfigured() {
    Request call = Request.of("host", "api.example.com");
    Ticket routed = new Ticket();
    routed.begin(0, null);
    routed.routed(
        new Instance("pay", "api.example.com", 443, null, null, null, Map.of(), 100, null),
        "v1",
        0,
        new String[0]);
    Engine shy = new Engine("cart", Ticker.SYSTEM);
    Engine open =
        new Engine("cart", Locality.UNKNOWN, Targets.NONE, Reach.of("example.com"), Ticker.SYSTEM);
    for (Engine engine : List.of(shy, open)) {
      engine.apply(new RuleBook.Builder().add(RULE).build());
    }
    Colour before = Colour.swap(Colour.of("x-env", "prod"));
    try {
      assertThat(shy.headers(Request.OUTBOUND, call, null)).isEmpty();
      assertThat(shy.headers(Request.OUTBOUND, call, routed)).contains("x-env", "prod");
      assertThat(open.headers(Request.OUTBOUND, call, null)).contains("x-env", "prod");
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
                        Match.ALWAYS,
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
    assertThat(Carried.by(List.of(rule)).headers())
        .containsExactly("ab", "about", "arm", "hash", "user");
    assertThat(Carried.by(List.of()).headers()).isEmpty();
  }

  @Test
  void headersOfOneMessageOrConnectionAreNeverCarried() {
    String never =
        "accept accept-charset accept-encoding accept-language authorization baggage cache-control"
            + " connection content-encoding content-length content-type cookie date expect host"
            + " if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive"
            + " origin pragma proxy-authorization proxy-connection range referer te trailer"
            + " transfer-encoding upgrade user-agent via";
    for (String name : never.split(" ")) {
      RouteRule rule = RouteRule.builder().hashOn(Attribute.parse("header:" + name)).build();
      assertThat(Carried.by(List.of(rule)).headers()).as(name).isEmpty();
    }
  }

  @Test
  void atMost64HeadersAreCarriedTheFirstByName() {
    StringBuilder match = new StringBuilder("exists path");
    for (int i = 10; i < 80; i++) {
      match.append(" || exists header:h").append(i);
    }
    List<String> headers =
        Carried.by(List.of(RouteRule.builder().match(MatchParser.parse("" + match)).build()))
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
    assertThat(carried.write(Colour.of("x-env", " ~"), Request.OUTBOUND, Request.of()))
        .containsExactly("x-env", " ~", "baggage", "x-env=%20~");
    assertThat(carried.write(Colour.of("x-env", "\u007f"), Request.OUTBOUND, Request.of()))
        .containsExactly("baggage", "x-env=%7F");
    assertThat(carried.write(Colour.of("x-env", "\u001f"), Request.OUTBOUND, Request.of()))
        .containsExactly("baggage", "x-env=%1F");
  }

  @Test
  void aColourWhoseNamesCannotBeWrittenAddsNoHeader() {
    Colour c = Colour.of("a b", "1");
    assertThat(carried.write(c, Request.OUTBOUND, Request.of())).isEmpty();
    assertThat(carried.write(c, Request.OUTBOUND, Request.of())).as("and again").isEmpty();
  }
}
