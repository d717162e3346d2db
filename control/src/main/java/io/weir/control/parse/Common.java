package io.weir.control.parse;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.Response;
import io.weir.engine.match.Match;
import io.weir.engine.match.MatchParser;
import io.weir.engine.match.MatchSyntaxException;
import io.weir.engine.rules.Rule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What several kinds of rule have in common. */
final class Common {
  private Common() {}

  static <B extends Rule.Base<B>> B fill(B builder, Fields in) {
    return builder
        .enabled(in.bool("enabled"))
        .shadow(in.word("mode").equals("shadow"))
        .match(match(in));
  }

  /** The compiled expression; always true when absent or refused. */
  static Match match(Fields in) {
    String text = in.text("match");
    if (text == null || text.trim().isEmpty()) {
      return Match.ALWAYS;
    }
    try {
      return MatchParser.parse(text, in.regexBudget());
    } catch (MatchSyntaxException e) {
      in.report(Code.MATCH, "match", in.at("match"), String.valueOf(e.getMessage()));
      return Match.ALWAYS;
    }
  }

  /** Null when the text is null or was refused. */
  static @Nullable Attribute attribute(Fields in, String field, @Nullable String text) {
    if (text == null) {
      return null;
    }
    try {
      return Attribute.parse(text);
    } catch (IllegalArgumentException e) {
      in.report(Code.ATTRIBUTE, field, in.at(field), String.valueOf(e.getMessage()));
      return null;
    }
  }

  static List<Attribute> attributes(Fields in, String field) {
    List<Attribute> all = new ArrayList<Attribute>();
    for (String text : in.texts(field)) {
      Attribute a = attribute(in, field, text);
      if (a != null && all.contains(a)) {
        in.report(Code.ATTRIBUTE, field, in.at(field), text + " stands there twice");
      } else if (a != null) {
        all.add(a);
      }
    }
    return all;
  }

  static Response response(Fields rule) {
    if (!rule.has("response")) {
      return Response.DEFAULT;
    }
    Fields in = rule.object("response");
    Map<String, String> headers = headers(in, "headers");
    return new Response((int) in.integer("status"), headers, in.text("body"), in.bool("throw"));
  }

  /** Header names are tokens and values have no control characters: nothing can be smuggled in. */
  static Map<String, String> headers(Fields in, String field) {
    Map<String, String> headers = in.textMap(field);
    for (Map.Entry<String, String> h : headers.entrySet()) {
      if (!isToken(h.getKey()) || !isHeaderValue(h.getValue())) {
        in.report(
            Code.KIND,
            field,
            in.at(field),
            "'" + RuleProblem.quote(h.getKey()) + "' is no header name, or its value has controls");
      }
    }
    return headers;
  }

  private static boolean isToken(String s) {
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      boolean alphanumeric = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
      if (!alphanumeric && "!#$%&'*+-.^_`|~".indexOf(c) < 0) {
        return false;
      }
    }
    return !s.isEmpty() && s.length() <= 128;
  }

  private static boolean isHeaderValue(String s) {
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c < ' ' && c != '\t' || c >= 127) {
        return false;
      }
    }
    return true;
  }
}
