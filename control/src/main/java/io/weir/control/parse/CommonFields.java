package io.weir.control.parse;

import io.weir.engine.call.Attribute;
import io.weir.engine.call.RefusalResponse;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.match.MatchParser;
import io.weir.engine.match.MatchSyntaxException;
import io.weir.engine.rules.Rule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the fields that several kinds of rule have. */
final class CommonFields {
  private CommonFields() {}

  static <B extends Rule.Base<B>> B fill(B builder, FieldReader in) {
    return builder
        .enabled(in.bool("enabled"))
        .shadow(in.word("mode").equals("shadow"))
        .match(match(in));
  }

  /** The compiled match expression; one that matches all calls when absent or refused. */
  static MatchExpression match(FieldReader in) {
    String text = in.text("match");
    if (text == null || text.trim().isEmpty()) {
      return MatchExpression.ALWAYS;
    }
    try {
      return MatchParser.parse(text, in.regexBudget());
    } catch (MatchSyntaxException e) {
      in.report(ProblemCode.MATCH, "match", in.at("match"), String.valueOf(e.getMessage()));
      return MatchExpression.ALWAYS;
    }
  }

  /** Null: the text is null or was refused. */
  static @Nullable Attribute attribute(FieldReader in, String field, @Nullable String text) {
    if (text == null) {
      return null;
    }
    try {
      return Attribute.parse(text);
    } catch (IllegalArgumentException e) {
      in.report(ProblemCode.ATTRIBUTE, field, in.at(field), String.valueOf(e.getMessage()));
      return null;
    }
  }

  static List<Attribute> attributes(FieldReader in, String field) {
    List<Attribute> all = new ArrayList<Attribute>();
    for (String text : in.texts(field)) {
      Attribute a = attribute(in, field, text);
      if (a != null && all.contains(a)) {
        in.report(ProblemCode.ATTRIBUTE, field, in.at(field), text + " stands there twice");
      } else if (a != null) {
        all.add(a);
      }
    }
    return all;
  }

  static RefusalResponse response(FieldReader rule) {
    if (!rule.has("response")) {
      return RefusalResponse.DEFAULT;
    }
    FieldReader in = rule.object("response");
    Map<String, String> headers = headers(in, "headers", false);
    return new RefusalResponse(
        (int) in.integer("status"), headers, in.text("body"), in.bool("throw"));
  }

  /**
   * Headers that a rule sets. Reports those that {@link HeaderFields} refuses.
   *
   * @param call true: the rule sets them on a request; false: on the answer to a refused caller
   */
  static Map<String, String> headers(FieldReader in, String field, boolean call) {
    Map<String, String> headers = in.textMap(field);
    for (Map.Entry<String, String> h : headers.entrySet()) {
      header(in, field, h.getKey(), h.getValue(), call);
    }
    return headers;
  }

  /** Reports a header that a rule must not set. */
  static void header(FieldReader in, String field, String name, String value, boolean call) {
    String problem = HeaderFields.problem(name, value, call);
    if (problem != null) {
      in.report(ProblemCode.KIND, field, in.at(field), problem);
    }
  }
}
