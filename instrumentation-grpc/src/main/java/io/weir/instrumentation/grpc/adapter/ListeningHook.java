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
   * Called by the advice of opening when the method has returned, and by that of closing before the
   * method runs: afterwards the port is no longer known.
   *
   * @param state set by the advice. Null: the port was opened; anything else: it is about to be
   *     closed
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
    // one socket is usual; of several, one that takes calls to every address is the best to
    // register
    InetSocketAddress best = null;
    for (SocketAddress a : ((Server) self).getListenSockets()) {
      if (a instanceof InetSocketAddress && (best == null || host(best) != null)) {
        InetSocketAddress at = (InetSocketAddress) a;
        best = best == null || host(at) == null ? at : best;
      }
    }
    if (best != null) {
      ports.listening("grpc", host(best), best.getPort());
    }
    return result;
  }

  /** The address that a socket is bound to; null: all of them. */
  private static @Nullable String host(InetSocketAddress at) {
    return at.getAddress() == null || at.getAddress().isAnyLocalAddress()
        ? null
        : at.getAddress().getHostAddress();
  }
}
