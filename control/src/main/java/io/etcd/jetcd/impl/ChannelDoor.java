package io.etcd.jetcd.impl;

import io.etcd.jetcd.Client;
import io.grpc.ManagedChannel;

/**
 * A door in jetcd's wall: its client hides the channel, and with it the only way to end gRPC's
 * connection back-off, which grows to two minutes and cannot be configured. Lives in jetcd's
 * package because that is where the door is; nothing else of ours may.
 */
public final class ChannelDoor {
  private ChannelDoor() {}

  /** The channel of a client. */
  public static ManagedChannel channel(Client client) {
    return ((KVImpl) client.getKVClient()).connectionManager().getChannel();
  }
}
