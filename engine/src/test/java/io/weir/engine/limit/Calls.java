package io.weir.engine.limit;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.ledger.CallLedger;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.rules.RateLimitRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Calls as the limiter's tests see them: a map from attribute text to value. */
final class Calls extends AttributeSource<Map<String, String>> {
  static final Calls SOURCE = new Calls();

  /** Matches calls of one method. */
  static final class Method implements MatchExpression {
    private final String name;

    Method(String name) {
      this.name = name;
    }

    @Override
    public <C> boolean test(AttributeSource<C> source, C call) {
      return name.equals(source.method(call));
    }
  }

  static RateLimitRule.Builder rule(double qps, long burst) {
    return RateLimitRule.builder().qps(qps).burst(burst);
  }

  static List<Attribute> by(String... names) {
    List<Attribute> by = new ArrayList<>();
    for (String n : names) {
      by.add(Attribute.parse(n));
    }
    return by;
  }

  static RateLimiters limits(long now, RateLimitRule... rules) {
    return swap(null, now, rules);
  }

  static RateLimiters swap(RateLimiters before, long now, RateLimitRule... rules) {
    return RateLimiters.build(before, Arrays.asList(rules), RateLimitRule.Side.SERVER, now);
  }

  /** One call; attributes as name, value, name, value. */
  static CallLedger call(RateLimiters limits, long now, String... attributes) {
    CallLedger ledger = new CallLedger();
    ledger.begin(now, null);
    Map<String, String> call = new HashMap<>();
    for (int i = 0; i < attributes.length; i += 2) {
      call.put(attributes[i], attributes[i + 1]);
    }
    limits.admit(SOURCE, call, now, ledger);
    return ledger;
  }

  static boolean admitted(RateLimiters limits, long now, String... attributes) {
    return call(limits, now, attributes).refusal() == null;
  }

  /** How many of {@code tries} calls at one instant are admitted. */
  static int admittedOf(int tries, RateLimiters limits, long now, String... attributes) {
    int n = 0;
    for (int i = 0; i < tries; i++) {
      n += admitted(limits, now, attributes) ? 1 : 0;
    }
    return n;
  }

  @Override
  public String header(Map<String, String> call, String name) {
    return call.get("header:" + name);
  }

  @Override
  public String query(Map<String, String> call, String name) {
    return call.get("query:" + name);
  }

  @Override
  public String path(Map<String, String> call) {
    return call.get("path");
  }

  @Override
  public String method(Map<String, String> call) {
    return call.get("method");
  }

  @Override
  public String host(Map<String, String> call) {
    return call.get("host");
  }

  @Override
  public String clientIp(Map<String, String> call) {
    return call.get("client-ip");
  }
}
