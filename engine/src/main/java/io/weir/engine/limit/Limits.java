package io.weir.engine.limit;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Ticket;
import io.weir.engine.rules.LimitRule;
import java.util.List;

/**
 * All limiter rules of one service and side: each must admit; keyed rules are asked before global
 * ones.
 */
public final class Limits {
  private Limits() {}

  /**
   * @param before the running state whose tokens carry over by rule id, or null
   * @return null when {@code rules} holds none for {@code side}
   */
  public static Limits build(Limits before, List<LimitRule> rules, LimitRule.Side side, long now) {
    return null;
  }

  /**
   * Takes tokens for a call; on refusal the ticket carries the refusal and nothing has been taken.
   */
  public <C> boolean admit(AttributeSource<C> source, C call, long now, Ticket ticket) {
    return true;
  }
}
