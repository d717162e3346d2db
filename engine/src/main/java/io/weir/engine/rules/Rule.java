package io.weir.engine.rules;

import io.weir.engine.match.MatchExpression;

/**
 * What every rule has. Rule values are immutable; two rules with the same {@link #fingerprint} are
 * the same rule, and replacing one by the other touches no running state.
 */
public abstract class Rule {
  /** Identifies the rule across edits: running state (tokens, windows) is carried over by it. */
  public final String id;

  /** The service this rule belongs to, {@code *} for defaults. */
  public final String service;

  /** Whether the rule acts; a disabled rule stays visible but inert. */
  public final boolean enabled;

  /** Evaluated and counted, but refuses nobody. */
  public final boolean shadow;

  /** Which calls the rule is about. */
  public final MatchExpression match;

  /** Whether health checks are among the calls the rule is about; of limits and breakers. */
  public final boolean includeHealth;

  /** Canonical text of everything that matters. */
  public final String fingerprint;

  /** Where it came from, for messages: {@code /service/order/rate-limit@42} or a file name. */
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

  /** Whether it stands in for rules that a service does not have: one under {@code *}. */
  public final boolean isDefault() {
    return service.equals("*");
  }

  /** The same rule, evaluated and counted only: what {@code weir.mode=shadow} makes of each. */
  public abstract Rule inShadow();

  @Override
  public final String toString() {
    return id + " (" + origin + ")";
  }

  /** Common part of the builders. */
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
