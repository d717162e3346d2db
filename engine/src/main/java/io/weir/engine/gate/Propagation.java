package io.weir.engine.gate;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.colour.PropagationScope;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Decides what travels with a request from service to service: the traffic colour, and the name of
 * the caller.
 *
 * <p>Any thread, no lock.
 */
public final class Propagation {
  /** Header, or gRPC metadata key, with the name of the calling service. */
  public static final String CALLER = "x-weir-caller";

  private static final String[] NO_HEADERS = new String[0];

  private final String service;
  private final ServiceAddresses addresses;
  private final PropagationScope scope;
  private volatile RulesInForce rules = RulesInForce.EMPTY;

  Propagation(String service, ServiceAddresses addresses, PropagationScope scope) {
    this.service = service;
    this.addresses = addresses;
    this.scope = scope;
  }

  /** New rules are in force. Control thread. */
  void applied(RulesInForce next) {
    rules = next;
  }

  /**
   * Whether the traffic colour matters now: some service has a routing rule or a canary, or a limit
   * or circuit breaker that uses a tag. If not, an adapter can skip its own set-up.
   */
  public boolean isActive() {
    RulesInForce r = rules;
    return r.carried() != null && !r.book().off;
  }

  /**
   * The traffic colour of a request that was just received. The adapter binds it by {@link
   * Colour#swap} while the request is served, and restores the one before afterwards.
   */
  public <C> Colour colour(AttributeSource<C> source, C call) {
    RulesInForce r = rules;
    return r.carried() == null || r.book().off ? Colour.NONE : r.carried().read(source, call);
  }

  /**
   * The headers to set on an outgoing call: first those that carry the thread's colour, then those
   * of the decision. The array has name, value, name, value ... Set them in this order; each
   * replaces a header of the call. Never null. Do not change the array.
   *
   * <p>The colour goes only to registered instances and to hosts within the {@link
   * PropagationScope}.
   *
   * @param decision the decision about the call, filled in; null when its target is not governed
   */
  public <C> String[] headers(AttributeSource<C> source, C call, @Nullable CallDecision decision) {
    String[] routed = decision == null ? NO_HEADERS : decision.headers();
    RulesInForce r = rules;
    if (r.carried() == null || r.book().off) {
      return routed;
    }
    Colour colour = Colour.current();
    if (colour == Colour.NONE
        || (decision == null || decision.instance() == null)
            && !scope.includes(source.host(call))) {
      return routed;
    }
    String[] carried = r.carried().write(colour, source, call);
    if (routed.length == 0) {
      return carried;
    }
    String[] all = Arrays.copyOf(carried, carried.length + routed.length);
    System.arraycopy(routed, 0, all, carried.length, routed.length);
    return all;
  }

  /**
   * The name of this JVM's service, if calls to an address should carry it in the header {@link
   * #CALLER}; else null. Only services with a limit that uses {@code caller} get it, and a third
   * party never does.
   */
  public @Nullable String callerFor(String host, int port) {
    RulesInForce r = rules;
    if (!r.anyUsesCaller() || r.book().off) {
      return null;
    }
    String target = addresses.service(host, port);
    return r.usesCaller(target, scope.includes(host)) ? service : null;
  }
}
