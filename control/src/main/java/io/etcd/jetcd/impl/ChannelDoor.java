package io.etcd.jetcd.impl;

import io.etcd.jetcd.ClientBuilder;
import io.etcd.jetcd.KV;
import io.etcd.jetcd.Lease;
import io.etcd.jetcd.Watch;
import io.grpc.ManagedChannel;
import org.jspecify.annotations.Nullable;

/**
 * A door in jetcd's wall: its client makes a channel of its own, on an instance of Vert.x of its
 * own, and hides both. Here its parts are put together on a channel that is given: so Vert.x is
 * never started (threads, a folder for files, a resolver, a thousand objects), the channel's
 * back-off, which grows to two minutes and cannot be configured, can be ended, and so can the
 * threads. Lives in jetcd's package because that is where the door is; nothing else of ours may.
 *
 * <p>Leases by {@code keepAlive} need Vert.x's timers and would start it; {@code keepAliveOnce}
 * does not.
 */
public final class ChannelDoor {
  private final ClientConnectionManager manager;
  private @Nullable KV kv;
  private @Nullable Lease lease;
  private @Nullable Watch watch;

  /**
   * @param builder user, password, executor and namespace; what it says about channels is not asked
   */
  public ChannelDoor(ClientBuilder builder, ManagedChannel channel) {
    manager = new ClientConnectionManager(builder, channel);
  }

  public synchronized KV kv() {
    KV k = kv;
    if (k == null) {
      k = new KVImpl(manager);
      kv = k;
    }
    return k;
  }

  public synchronized Lease lease() {
    Lease l = lease;
    if (l == null) {
      l = new LeaseImpl(manager);
      lease = l;
    }
    return l;
  }

  public synchronized Watch watch() {
    Watch w = watch;
    if (w == null) {
      w = new WatchImpl(manager);
      watch = w;
    }
    return w;
  }

  /** Ends every watch, and the channel. */
  public synchronized void close() {
    if (watch != null) {
      watch.close();
    }
    manager.close();
  }
}
