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
    Map<String, String> headers = headers(in, "headers", false);
    return new Response((int) in.integer("status"), headers, in.text("body"), in.bool("throw"));
  }

  /**
   * Headers that a rule sets: tokens, values without control characters, and none that frames the
   * message or belongs to the connection.
   *
   * @param call true: put on a request; false: on the answer to a refused caller
   */
  static Map<String, String> headers(Fields in, String field, boolean call) {
    Map<String, String> headers = in.textMap(field);
    for (Map.Entry<String, String> h : headers.entrySet()) {
      header(in, field, h.getKey(), h.getValue(), call);
    }
    return headers;
  }

  /** Reports a header that a rule must not set. */
  static void header(Fields in, String field, String name, String value, boolean call) {
    String problem = HeaderFields.problem(name, value, call);
    if (problem != null) {
      in.report(Code.KIND, field, in.at(field), problem);
    }
  }
}
