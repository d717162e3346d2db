package io.weir.engine.gate;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.colour.PropagationScope;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What travels with a request from service to service: its traffic colour, and the caller's name.
 *
 * <p>Any thread, no lock.
 */
public final class Propagation {
  /** Header, or gRPC metadata, that names the calling service. */
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

  /** Control thread. */
  void applied(RulesInForce now) {
    rules = now;
  }

  /**
   * Whether colours matter to anybody now: some service has a routing rule or a canary. Lets an
   * adapter skip its own set-up.
   */
  public boolean isActive() {
    RulesInForce r = rules;
    return r.carried() != null && !r.book().off;
  }

  /**
   * The traffic colour of a request that was just received. The adapter binds it with {@link
   * Colour#swap} while the request is worked on, and puts back what was there before.
   */
  public <C> Colour colour(AttributeSource<C> source, C call) {
    RulesInForce r = rules;
    return r.carried() == null || r.book().off ? Colour.NONE : r.carried().read(source, call);
  }

  /**
   * Headers that put the thread's colour on a call that leaves, and after them those of the
   * decision: name, value, name, value ... to be set in this order, each replacing what the call
   * has. Never null, must not be changed. A colour goes to registered instances and to hosts within
   * the {@link PropagationScope}; strangers do not see it.
   *
   * @param decision the call's, after it was made; null when its target is not governed
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
   * The name of this JVM's service if calls to an address are to carry it, in the header {@link
   * #CALLER}; else null. Only those are told who have a use for it: services with a rule that looks
   * at {@code caller}. A third party never is.
   */
  public @Nullable String callerFor(String host, int port) {
    RulesInForce r = rules;
    if (!r.anyAsksWhoCalls() || r.book().off) {
      return null;
    }
    String target = addresses.service(host, port);
    return r.asksWhoCalls(target, scope.includes(host)) ? service : null;
  }
}
