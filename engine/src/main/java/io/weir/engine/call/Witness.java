package io.weir.engine.call;

/**
 * Sees what was decided about calls: each refusal, and each instance that was chosen. Called on the
 * call's own thread before the call goes on, so an implementation is quick, and, unless the call is
 * refused, allocates nothing.
 */
public interface Witness {
  /**
   * @param ticket carries the decision: a refusal, or an instance
   * @param service whose rules decided
   * @param now nano clock
   */
  <C> void decided(
      Ticket ticket, String service, boolean inbound, AttributeSource<C> source, C call, long now);
}
