package io.etcd.jetcd.impl;

import io.etcd.jetcd.Client;
import io.grpc.ManagedChannel;
import io.netty.channel.EventLoopGroup;

/**
 * A door in jetcd's wall: its client hides the channel, and with it the only way to end gRPC's
 * connection back-off, which grows to two minutes and cannot be configured; and its event loops,
 * which hold up the end of a process. Lives in jetcd's package because that is where the door is;
 * nothing else of ours may.
 */
public final class ChannelDoor {
  private ChannelDoor() {}

  /** The channel of a client. */
  public static ManagedChannel channel(Client client) {
    return ((KVImpl) client.getKVClient()).connectionManager().getChannel();
  }

  /** The event loops of a client, most of them without a thread. */
  public static EventLoopGroup loops(Client client) {
    return ((KVImpl) client.getKVClient()).connectionManager().vertx().nettyEventLoopGroup();
  }
}
