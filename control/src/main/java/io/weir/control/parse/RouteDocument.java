package io.weir.control.parse;

import io.weir.engine.call.Attribute;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.rules.RouteRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads documents of the kind {@code route}. An <em>arm</em> is one destination of a route, an
 * entry of {@code to}.
 *
 * <p>There are two forms: routes with arms, or a {@code table} of rows {@code {weight, version,
 * match}}, which becomes one route whose arms have match expressions. An experiment ({@code ab})
 * becomes the last route.
 */
final class RouteDocument {
  private RouteDocument() {}

  static RouteRule.Builder read(FieldReader in) {
    RouteRule.Builder b = CommonFields.fill(RouteRule.builder(), in);
    Attribute sticky = CommonFields.attribute(in, "sticky", in.text("sticky"));
    List<RouteRule.Route> routes = new ArrayList<RouteRule.Route>();
    for (FieldReader row : in.objects("routes")) {
      Attribute own = CommonFields.attribute(row, "sticky", row.text("sticky"));
      routes.add(
          new RouteRule.Route(
              CommonFields.match(row),
              matchText(row),
              arms(row, "to"),
              own == null ? sticky : own,
              row.word("fallback", RouteRule.Fallback.class),
              CommonFields.headers(row, "set_headers", true),
              row.integer("timeout_ms") * 1_000_000L));
    }
    List<RouteRule.Arm> defaults = arms(in, "default");
    if (in.has("table")) {
      if (in.has("routes") || in.has("ab")) {
        in.report(
            ProblemCode.CONTRADICTION,
            "table",
            in.at("table"),
            "expected a table, or routes and ab");
      }
      routes.add(finalRoute(table(in), sticky, null));
    }
    if (in.has("ab")) {
      FieldReader ab = in.object("ab");
      routes.add(finalRoute(abArms(ab), null, ab(ab)));
    }
    if (routes.isEmpty() && defaults.isEmpty()) {
      in.report(
          ProblemCode.REQUIRED, "routes", in.node, "expected routes, a default, a table or ab");
    }
    FieldReader region = in.object("region");
    return b.routes(routes)
        .defaults(defaults)
        .region(region.word("prefer").equals("same"), region.number("spill_below"))
        .balance(in.word("balance", RouteRule.Balance.class))
        .hashOn(CommonFields.attribute(in, "hash_on", in.text("hash_on")))
        .salt(in.text("salt"));
  }

  /** A route for all calls that no earlier route matches. */
  private static RouteRule.Route finalRoute(
      List<RouteRule.Arm> arms, @Nullable Attribute sticky, RouteRule.@Nullable Ab ab) {
    return new RouteRule.Route(
        MatchExpression.ALWAYS,
        "",
        arms,
        sticky,
        RouteRule.Fallback.DEFAULT,
        Collections.<String, String>emptyMap(),
        0,
        ab);
  }

  private static List<RouteRule.Arm> table(FieldReader in) {
    List<RouteRule.Arm> arms = new ArrayList<RouteRule.Arm>();
    for (FieldReader row : in.objects("table")) {
      MatchExpression match = CommonFields.match(row);
      RouteRule.Arm arm = arm(row);
      arms.add(
          new RouteRule.Arm(
              arm.version, arm.labels, arm.weight, match == MatchExpression.ALWAYS ? null : match));
    }
    checkWeights(in, "table", arms);
    return arms;
  }

  private static RouteRule.Ab ab(FieldReader in) {
    List<Attribute> user = new ArrayList<Attribute>();
    String text = in.text("user");
    for (String name : text == null ? new String[0] : text.split("\\|")) {
      Attribute a = CommonFields.attribute(in, "user", name.trim());
      if (a != null) {
        user.add(a);
      }
    }
    Attribute header = named(in, "header");
    String set = header == null ? null : header.headerName();
    if (set != null) {
      CommonFields.header(in, "header", set, "", true); // the rule sets it to the arm's name
    }
    Attribute query = named(in, "query");
    if (header == null && query == null && text == null) {
      in.report(ProblemCode.REQUIRED, "user", in.node, "expected a header, a query or a user");
    }
    return new RouteRule.Ab(header, query, user);
  }

  /** Accepts the name alone, {@code X-Ab-Version}, or an attribute, {@code header:X-Ab-Version}. */
  private static @Nullable Attribute named(FieldReader in, String field) {
    String name = in.text(field);
    boolean bare = name != null && !name.startsWith(field + ":");
    return CommonFields.attribute(in, field, bare ? field + ":" + name : name);
  }

  private static List<RouteRule.Arm> abArms(FieldReader in) {
    List<RouteRule.Arm> arms = new ArrayList<RouteRule.Arm>();
    for (Map.Entry<String, Double> e : in.shares("arms").entrySet()) {
      arms.add(
          new RouteRule.Arm(
              e.getKey(), Collections.<String, String>emptyMap(), weight(e.getValue())));
    }
    checkWeights(in, "arms", arms);
    return arms;
  }

  private static List<RouteRule.Arm> arms(FieldReader in, String field) {
    List<RouteRule.Arm> arms = new ArrayList<RouteRule.Arm>();
    for (FieldReader arm : in.objects(field)) {
      arms.add(arm(arm));
    }
    if (in.has(field)) {
      checkWeights(in, field, arms);
    }
    return arms;
  }

  private static RouteRule.Arm arm(FieldReader in) {
    return new RouteRule.Arm(in.text("version"), in.textMap("labels"), weight(in.share("weight")));
  }

  /** A percentage becomes a relative weight, in hundredths of a percent. */
  private static int weight(double share) {
    return share < 0 ? (int) Math.round(-share * 10_000) : (int) share;
  }

  /** Reports weights that are all 0. */
  private static void checkWeights(FieldReader in, String field, List<RouteRule.Arm> arms) {
    long sum = 0;
    for (RouteRule.Arm arm : arms) {
      sum += arm.weight;
    }
    if (sum == 0) {
      in.report(
          ProblemCode.WEIGHTS, field, in.at(field), "expected weights that sum to more than 0");
    }
  }

  private static String matchText(FieldReader row) {
    String text = row.has("match") ? row.at("match").text : null;
    return text == null ? "" : text;
  }
}
