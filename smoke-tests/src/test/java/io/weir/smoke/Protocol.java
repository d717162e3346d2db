package io.weir.smoke;

import java.util.regex.Pattern;

/**
 * How what became of a call reads: as {@code src/apps/client/Result.java} tells it, and as a {@link
 * ServerCaller} does.
 */
enum Protocol {
  HTTP {
    @Override
    String ok() {
      return "^status=200 rejected=null ";
    }

    @Override
    String limited(String rule) {
      return "^status=429 rejected=" + Pattern.quote(rule) + " ";
    }

    @Override
    String open(String rule) {
      return "^status=503 rejected=" + Pattern.quote(rule) + " ";
    }

    @Override
    String worded(String rule, String body) {
      return "^status=418 rejected=" + rule + " .* body=" + body + "$";
    }

    @Override
    String full(String rule) {
      return limited(rule);
    }

    @Override
    String serverError() {
      return "^status=500 rejected=null ";
    }

    @Override
    String timeout() {
      return "^threw=\\S+ .*(?i)(time-?out|timed out|deadline)";
    }

    @Override
    String attributes(String service) {
      return "header:X-A == 'h' && query:q == '\u00e4' && cookie:c == 'k' && method == 'GET' &&"
          + " host == '"
          + service
          + "' && path == '/x y' && caller == 'shop'";
    }

    @Override
    String served() {
      return "200";
    }

    @Override
    String limitedStatus() {
      return "429";
    }

    @Override
    String plainRequest() {
      return "path == '/hello' && !exists header:X-Weir-Probe";
    }

    @Override
    String inboundAttributes() {
      return "header:X-A == 'h' && query:q == '\u00e4 b' && cookie:c == 'k' && tag:lane == 'x'"
          + " && method == 'POST' &&"
          + " host == 'shop' && client-ip == '127.0.0.1' && caller == 'web' && path == '/echo'";
    }

    @Override
    String behindProxy(String service, Targets targets) {
      return "http://" + service + "/x"; // nobody resolves it
    }
  },

  GRPC {
    @Override
    String ok() {
      return "^status=OK ";
    }

    @Override
    String limited(String rule) {
      return "^status=RESOURCE_EXHAUSTED .* body=rate limit \""
          + Pattern.quote(rule)
          + "\" exceeded";
    }

    @Override
    String open(String rule) {
      return "^status=UNAVAILABLE .* body=circuit breaker \"" + Pattern.quote(rule) + "\" is open";
    }

    @Override
    String worded(String rule, String body) {
      return limited(rule); // a refusal has a status and trailers, and no body
    }

    @Override
    String full(String rule) {
      return "^status=RESOURCE_EXHAUSTED .* body=concurrency limit \"" + Pattern.quote(rule) + "\"";
    }

    @Override
    String serverError() {
      return "^status=INTERNAL ";
    }

    @Override
    String timeout() {
      return "^status=DEADLINE_EXCEEDED ";
    }

    @Override
    String attributes(String service) {
      return "header:X-A == 'h' && method == 'POST' && host == '"
          + service
          + "' && path startsWith '/shop.Stock/' && caller == 'shop'";
    }

    @Override
    String served() {
      return "OK";
    }

    @Override
    String limitedStatus() {
      return "RESOURCE_EXHAUSTED";
    }

    @Override
    String plainRequest() {
      return "path != '/shop.Stock/Count' && !exists header:X-Weir-Probe";
    }

    @Override
    String inboundAttributes() {
      return "header:X-A == 'h' && tag:lane == 'x' && method == 'POST' && host == 'shop'"
          + " && client-ip == '127.0.0.1' && caller == 'web' && path == '/shop.Stock/Get'";
    }

    @Override
    String behindProxy(String service, Targets targets) {
      return "http://" + targets.plain("one") + "/x?authority=" + service;
    }
  };

  /** An answer of a target's. */
  abstract String ok();

  /** The refusal of a rate limit. */
  abstract String limited(String rule);

  /** The refusal of a circuit breaker. */
  abstract String open(String rule);

  /** The refusal of a rule that has status 418 and a body of its own. */
  abstract String worded(String rule, String body);

  /** The refusal of a limit of concurrent calls. */
  abstract String full(String rule);

  /** What a target answers to {@code /500}. */
  abstract String serverError();

  /** A time-out of the caller's, the library's or a route's. */
  abstract String timeout();

  /**
   * A condition on everything that a rule can see of the call {@code GET /x%20y?q=%C3%A4} with the
   * header {@code X-A: h} and the cookies b=1 and c=k.
   */
  abstract String attributes(String service);

  /** What a server answers when all is well. */
  abstract String served();

  /** What it answers when a rate limit refuses. */
  abstract String limitedStatus();

  /**
   * A condition on {@link ServerCaller#plain} that does not hold for {@link ServerCaller#other}.
   */
  abstract String plainRequest();

  /** A condition on everything that a rule can see of a request. */
  abstract String inboundAttributes();

  /** A URL that reaches a service by the proxy alone. */
  abstract String behindProxy(String service, Targets targets);
}
