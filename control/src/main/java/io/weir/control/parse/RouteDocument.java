package io.weir.control.parse;

import io.weir.engine.match.Match;
import io.weir.engine.rules.RouteRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code route}. Two spellings: routes with arms, and the seed article's table of rows {@code
 * {weight, version, match}}. Of a table, rows with the same match become the arms of one route, in
 * the order the matches first appear; rows without a match, or all rows when there are none, become
 * the default.
 */
final class RouteDocument {
  private RouteDocument() {}

  static RouteRule.Builder read(Fields in) {
    RouteRule.Builder b = Common.fill(RouteRule.builder(), in);
    List<RouteRule.Route> routes = new ArrayList<RouteRule.Route>();
    for (Fields row : in.objects("routes")) {
      routes.add(
          new RouteRule.Route(
              Common.match(row),
              matchText(row),
              arms(row, "to"),
              Common.attribute(row, "sticky", row.text("sticky")),
              row.word("fallback", RouteRule.Fallback.class),
              Common.headers(row, "set_headers"),
              row.integer("timeout_ms") * 1_000_000L));
    }
    List<RouteRule.Arm> defaults = arms(in, "default");
    if (in.has("table")) {
      if (in.has("routes") || in.has("default")) {
        in.report(
            Code.CONTRADICTION, "table", in.at("table"), "expected routes or a table, not both");
      }
      defaults = table(in, routes);
    }
    if (routes.isEmpty() && defaults.isEmpty()) {
      in.report(Code.REQUIRED, "routes", in.node, "expected routes, a default, or a table");
    }
    Fields region = in.object("region");
    return b.routes(routes)
        .defaults(defaults)
        .region(region.word("prefer").equals("same"), region.number("spill_below"))
        .balance(in.word("balance", RouteRule.Balance.class))
        .salt(in.text("salt"));
  }

  private static List<RouteRule.Arm> table(Fields in, List<RouteRule.Route> routes) {
    Map<String, Match> matches = new LinkedHashMap<String, Match>();
    Map<String, List<RouteRule.Arm>> arms = new LinkedHashMap<String, List<RouteRule.Arm>>();
    List<RouteRule.Arm> all = new ArrayList<RouteRule.Arm>();
    for (Fields row : in.objects("table")) {
      RouteRule.Arm arm = arm(row);
      Match match = Common.match(row);
      String text = match == Match.ALWAYS ? "" : match.toString();
      matches.put(text, match);
      if (!arms.containsKey(text)) {
        arms.put(text, new ArrayList<RouteRule.Arm>());
      }
      arms.get(text).add(arm);
      all.add(arm);
    }
    List<RouteRule.Arm> defaults = arms.remove("");
    for (Map.Entry<String, List<RouteRule.Arm>> e : arms.entrySet()) {
      weigh(in, "table", e.getValue());
      routes.add(
          new RouteRule.Route(
              matches.get(e.getKey()),
              e.getKey(),
              e.getValue(),
              null,
              RouteRule.Fallback.DEFAULT,
              Collections.<String, String>emptyMap(),
              0));
    }
    if (defaults == null) {
      defaults = all;
    }
    weigh(in, "table", defaults);
    return defaults;
  }

  private static List<RouteRule.Arm> arms(Fields in, String field) {
    List<RouteRule.Arm> arms = new ArrayList<RouteRule.Arm>();
    for (Fields arm : in.objects(field)) {
      arms.add(arm(arm));
    }
    if (in.has(field)) {
      weigh(in, field, arms);
    }
    return arms;
  }

  private static RouteRule.Arm arm(Fields in) {
    double weight = in.share("weight");
    // "95%" beside "5%": percentages are relative weights too, to a hundredth of a percent
    int w = weight < 0 ? (int) Math.round(-weight * 10_000) : (int) weight;
    return new RouteRule.Arm(in.text("version"), in.textMap("labels"), w);
  }

  private static void weigh(Fields in, String field, List<RouteRule.Arm> arms) {
    long sum = 0;
    for (RouteRule.Arm arm : arms) {
      sum += arm.weight;
    }
    if (sum == 0) {
      in.report(Code.WEIGHTS, field, in.at(field), "expected weights that sum to more than 0");
    }
  }

  private static String matchText(Fields row) {
    String text = row.has("match") ? row.at("match").text : null;
    return text == null ? "" : text;
  }
}
