package io.weir.engine.rules;

import io.weir.engine.match.MatchExpression;

/**
 * What all kinds of rules have in common. Rules are immutable. Two rules with the same {@link
 * #fingerprint} are the same rule: replacing one by the other changes no running state.
 */
public abstract class Rule {
  /** Identifies the rule across edits: running state (tokens, windows) carries over by id. */
  public final String id;

  /** The service this rule belongs to; {@code *}: every service without its own rules. */
  public final String service;

  /** False: the rule stays visible but does nothing. */
  public final boolean enabled;

  /** Whether the rule only counts its decisions and affects no call. */
  public final boolean shadow;

  /** Which calls the rule is about. */
  public final MatchExpression match;

  /** Whether the rule is also about health checks; used by rate limits and circuit breakers. */
  public final boolean includeHealth;

  /** Canonical text of all that the rule does; empty: never equal to another rule. */
  public final String fingerprint;

  /** Where the rule comes from, for messages: {@code /service/order/rate-limit@42} or a file. */
  public final String origin;

  Rule(Base<?> b) {
    id = b.id;
    service = b.service;
    enabled = b.enabled;
    shadow = b.shadow;
    match = b.match;
    includeHealth = b.includeHealth;
    fingerprint = b.fingerprint;
    origin = b.origin;
  }

  /**
   * Whether this is a default rule: one under {@code *}, for services without rules of their own.
   */
  public final boolean isDefault() {
    return service.equals("*");
  }

  /** This rule in shadow mode, as {@code weir.mode=shadow} has every rule. */
  public abstract Rule inShadow();

  @Override
  public final String toString() {
    return id + " (" + origin + ")";
  }

  /**
   * What the builders of all kinds have in common.
   *
   * @param <B> the builder itself, so that calls can be chained
   */
  public abstract static class Base<B extends Base<B>> {
    String id = "default";
    String service = "";
    boolean enabled = true;
    boolean shadow;
    MatchExpression match = MatchExpression.ALWAYS;
    boolean includeHealth;
    String fingerprint = "";
    String origin = "";

    void copy(Rule r) {
      id = r.id;
      service = r.service;
      enabled = r.enabled;
      shadow = r.shadow;
      match = r.match;
      includeHealth = r.includeHealth;
      fingerprint = r.fingerprint;
      origin = r.origin;
    }

    @SuppressWarnings("unchecked")
    private B self() {
      return (B) this;
    }

    public B id(String v) {
      id = v;
      return self();
    }

    public B service(String v) {
      service = v;
      return self();
    }

    public B enabled(boolean v) {
      enabled = v;
      return self();
    }

    public B shadow(boolean v) {
      shadow = v;
      return self();
    }

    public B match(MatchExpression v) {
      match = v;
      return self();
    }

    public B includeHealth(boolean v) {
      includeHealth = v;
      return self();
    }

    public B fingerprint(String v) {
      fingerprint = v;
      return self();
    }

    public B origin(String v) {
      origin = v;
      return self();
    }
  }
}
