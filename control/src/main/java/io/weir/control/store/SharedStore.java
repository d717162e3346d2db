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
}
