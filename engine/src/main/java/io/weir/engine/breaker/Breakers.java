package io.weir.engine.breaker;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Ticket;
import io.weir.engine.rules.BreakerRule;
import java.util.List;

/** The breaker rules of one target service; the first that matches a call governs it. */
public final class Breakers {
  private Breakers() {}

  /**
   * @param before running state carried over by rule id, or null
   * @return null when there are no rules
   */
  public static Breakers build(Breakers before, List<BreakerRule> rules, long now) {
    return null;
  }

  /** Asks for a permit; when granted the ticket carries it and must be ended. */
  public <C> boolean admit(AttributeSource<C> source, C call, long now, Ticket ticket) {
    return true;
  }
}
