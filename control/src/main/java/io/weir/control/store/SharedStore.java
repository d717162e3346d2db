package io.weir.control.store;

/**
 * A store that instances also write to. All methods may be called from any thread and never block;
 * answers come on the control loop.
 */
public interface SharedStore extends Store {
  /** Sends a transaction; it is answered within the store's deadline (2 s), also when it is cut. */
  void txn(Txn txn, Txn.Done done);

  /**
   * Opens a lease that is renewed until closed. See {@link LeaseSession}.
   *
   * @param ttlSeconds at least 2: etcd rounds shorter ones up
   */
  LeaseSession lease(int ttlSeconds, LeaseSession.Listener listener);

  /**
   * Grants a lease that nobody renews: what hangs on it goes when the time is over. For keys whose
   * expiry is meant, as a breaker's open state.
   *
   * @param ttlSeconds at least 2: etcd rounds shorter ones up
   */
  void grant(int ttlSeconds, Granted done);

  /** Told on the control loop, exactly once and within the store's deadline. */
  interface Granted {
    /**
     * @param lease the lease's id, 0 when none could be had
     */
    void granted(long lease);
  }
}
