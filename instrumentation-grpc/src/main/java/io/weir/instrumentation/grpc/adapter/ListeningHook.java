package io.weir.instrumentation.grpc.adapter;

import io.grpc.Server;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.engine.instances.ListeningPorts;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Reports to {@link ListeningPorts} the port that a gRPC server has opened or is about to close.
 * In-process servers have none.
 */
public final class ListeningHook extends Hook {
  private final ListeningPorts ports;

  public ListeningHook(Engine engine) {
    ports = engine.ports();
  }

  /**
   * @param state null: the port was opened; anything else: it is about to be closed
   */
  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown) {
    if (state != null) {
      try {
        ports.stopped(((Server) self).getPort());
      } catch (IllegalStateException neverStarted) {
        // or stopped already: it has no port to report
      }
      return result;
    }
    String host = null;
    for (SocketAddress a : ((Server) self).getListenSockets()) {
      if (a instanceof InetSocketAddress
          && ((InetSocketAddress) a).getAddress() != null
          && !((InetSocketAddress) a).getAddress().isAnyLocalAddress()) {
        host = ((InetSocketAddress) a).getAddress().getHostAddress();
      }
    }
    ports.listening("grpc", host, ((Server) self).getPort());
    return result;
  }
}
