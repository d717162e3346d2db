package io.weir.control.store;

/**
 * A tree of keys that is followed. The store keeps the whole truth itself and tells differences
 * only: a consumer that applies every batch in order holds exactly what the store held at the
 * batch's revision, whatever broke in between.
 *
 * <p>Threading: all listener methods run on the control loop; {@link #start} and {@link #close} may
 * be called from anywhere and do not block.
 */
public interface Store extends AutoCloseable {
  /** Starts following; the first batch brings everything there is. Call once. */
  void start(Listener listener);

  @Override
  void close();

  /** What a consumer of a store is told. */
  interface Listener {
    /** Something differs, or the first complete view is there. */
    void onBatch(Batch batch);

    /**
     * Whether the store is reached right now. Told when it changes.
     *
     * @param reason why not, for a human; empty when connected
     */
    void onConnected(boolean connected, String reason);
  }
}
