package io.weir.control.store;

/**
 * A source of keys and values whose changes are followed. A consumer that applies every batch in
 * order has exactly the store's content at the batch's revision, whatever connection was lost in
 * between.
 *
 * <p>Threading: all listener methods are called on the control loop. {@link #start} and {@link
 * #close} may be called from any thread and do not block.
 */
public interface Store extends AutoCloseable {
  /** Starts to follow the store. The first batch has the whole content. Call once. */
  void start(Listener listener);

  @Override
  void close();

  /** A consumer of the store's changes. */
  interface Listener {
    /** Called with the whole content first, then with each change. */
    void onBatch(Batch batch);

    /**
     * Called when the store becomes reachable or unreachable, or the reason changes.
     *
     * @param reason why it is unreachable, for people; empty when connected
     */
    void onConnected(boolean connected, String reason);
  }
}
