package io.weir.engine.instances;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The ports on which servers of this JVM listen, and which of them belong to the service. Woven
 * servers report them, before or after a sink follows them, a few times in the life of a JVM. Safe
 * for any thread.
 *
 * <p>The ports of the service are those that were {@link #declare declared}. If none were, they are
 * the first port that is opened for each protocol. A management port is never one of them.
 */
public final class ListeningPorts {
  /** Receives each port. Called on the thread that reports a port, or that begins to follow. */
  public interface Sink {
    /**
     * A server listens on a port of the service.
     *
     * @param protocol {@code http} or {@code grpc}
     * @param host the local address it is bound to, or null for all addresses
     */
    void listening(String protocol, @Nullable String host, int port);

    /**
     * A server listens on a port that does not belong to the service.
     *
     * @param why the reason, for people
     */
    void passedOver(int port, String why);

    /** A server on a port of the service has stopped. */
    void stopped(int port);
  }

  private static final class Port {
    final String protocol;
    final @Nullable String host;
    final int number;

    /** Why it does not belong to the service; null: it does. */
    final @Nullable String passedOver;

    Port(String protocol, @Nullable String host, int number, @Nullable String passedOver) {
      this.protocol = protocol;
      this.host = host;
      this.number = number;
      this.passedOver = passedOver;
    }

    void report(Sink sink) {
      if (passedOver == null) {
        sink.listening(protocol, host, number);
      } else {
        sink.passedOver(number, passedOver);
      }
    }
  }

  private final List<Port> open = new ArrayList<Port>();
  private @Nullable Sink sink;
  private Set<Integer> service = Collections.emptySet();

  /** The management ports. An array, because calls look them up without allocation. */
  private volatile int[] management = {};

  /**
   * Declares which ports belong to the service. Called once, before anything listens.
   *
   * @param service the ports of the service; empty: the first of each protocol
   * @param management management ports, even if {@code service} has them, too
   */
  public synchronized void declare(Set<Integer> service, Set<Integer> management) {
    this.service = new HashSet<Integer>(service);
    int[] ports = new int[management.size()];
    int n = 0;
    for (Integer port : management) {
      ports[n++] = port;
    }
    this.management = ports;
  }

  /** Whether any port is a management port. One volatile read. */
  public boolean anyManagement() {
    return management.length > 0;
  }

  /** Whether this was declared a management port. Takes no lock. */
  public boolean isManagement(int port) {
    for (int p : management) {
      if (p == port) {
        return true;
      }
    }
    return false;
  }

  /** A server listens. Ports below 1 (not bound, or in-process) and repetitions are ignored. */
  public synchronized void listening(String protocol, @Nullable String host, int port) {
    if (port < 1 || indexOf(port) >= 0) {
      return;
    }
    Port p = new Port(protocol, host, port, whyPassedOver(protocol, port));
    open.add(p);
    if (sink != null) {
      p.report(sink);
    }
  }

  private @Nullable String whyPassedOver(String protocol, int port) {
    if (isManagement(port)) {
      return "it is a management port (weir.management.ports, management.server.port)";
    }
    if (!service.isEmpty()) {
      return service.contains(port) ? null : "weir.register.ports does not name it";
    }
    for (Port p : open) {
      if (p.passedOver == null && p.protocol.equals(protocol)) {
        return "port "
            + p.number
            + " was opened first and is this service's; weir.register.ports can name others";
      }
    }
    return null;
  }

  /** A server stops listening. */
  public synchronized void stopped(int port) {
    int i = indexOf(port);
    if (i >= 0) {
      Port p = open.remove(i);
      if (sink != null && p.passedOver == null) {
        sink.stopped(port);
      }
    }
  }

  /**
   * Calls the sink for each open port, and from now on for every change. Replaces the sink before.
   * The sink must not block.
   */
  public synchronized void follow(Sink next) {
    sink = next;
    for (Port p : open) {
      p.report(next);
    }
  }

  private int indexOf(int port) {
    for (int i = 0; i < open.size(); i++) {
      if (open.get(i).number == port) {
        return i;
      }
    }
    return -1;
  }
}
