package io.weir.control.store;

/**
 * A store to which instances also write. All methods may be called from any thread and never block;
 * callbacks run on the control loop.
 */
public interface SharedStore extends Store {
  /**
   * Sends a transaction.
   *
   * @param done called once, within a few seconds that the store defines, even when the connection
   *     is lost
   */
  void txn(Txn txn, Txn.Done done);

  /**
   * Opens a lease that is renewed until closed. See {@link LeaseSession}.
   *
   * @param ttlSeconds at least 2. etcd raises a shorter TTL to its own minimum, 2 s by default
   */
  LeaseSession lease(int ttlSeconds, LeaseSession.Listener listener);

  /**
   * Grants a lease that nobody renews: its keys are deleted when the TTL is over. For keys that are
   * meant to expire, such as a breaker's open state.
   *
   * @param ttlSeconds at least 2, as for {@link #lease}
   */
  void grant(int ttlSeconds, Granted done);

  /** Called on the control loop, exactly once, within a few seconds that the store defines. */
  interface Granted {
    /**
     * @param lease the lease's id; 0 when the store granted none
     */
    void granted(long lease);
  }
}
