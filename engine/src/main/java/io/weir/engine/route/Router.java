package io.weir.engine.route;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Ticket;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.RouteRule;
import java.util.List;

/** Picks the instance for a call to one service: label, then weight, then region, then load. */
public final class Router {
  private Router() {}

  /**
   * @param before running state (ejections, round robin positions) carried over, or null
   * @param rule the service's routing rule, or null
   * @param instances live instances, possibly empty
   * @return null when there is nothing to choose: calls go where the application aimed them
   */
  public static Router build(Router before, RouteRule rule, List<Instance> instances, long now) {
    return null;
  }

  /**
   * Chooses; the ticket carries the instance, or none: untouched. False: refused, the ticket says
   * why.
   */
  public <C> boolean pick(AttributeSource<C> source, C call, long now, Ticket ticket) {
    return true;
  }
}
