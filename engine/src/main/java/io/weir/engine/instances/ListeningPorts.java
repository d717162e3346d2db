package io.weir.engine.instances;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The ports this JVM's servers really listen on, as the woven servers tell them, which may be
 * before or after somebody wants to know; and which of them are the service's. Told a few times in
 * a JVM's life. Safe for any thread.
 *
 * <p>The service's ports are those that were {@link #declare declared}; without such, the first one
 * that is opened for each protocol. A management port never is.
 */
public final class ListeningPorts {
  /** Wants to know each port. */
  public interface Sink {
    /**
     * A server listens on a port of the service.
     *
     * @param protocol {@code http} or {@code grpc}
     * @param host the local address it is bound to, or null for all
     */
    void listening(String protocol, @Nullable String host, int port);

    /**
     * A server listens on a port that is not the service's.
     *
     * @param why for a human
     */
    void passedOver(int port, String why);

    /** A server on a port of the service has stopped. */
    void stopped(int port);
  }

  private static final class Port {
    final String protocol;
    final @Nullable String host;
    final int number;

    /** Null: it is the service's. */
    final @Nullable String passedOver;

    Port(String protocol, @Nullable String host, int number, @Nullable String passedOver) {
      this.protocol = protocol;
      this.host = host;
      this.number = number;
      this.passedOver = passedOver;
    }

    void tell(Sink sink) {
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

  /** Few, and asked for by calls: looking among them allocates nothing. */
  private volatile int[] management = {};

  /**
   * Says which ports are what. Once, before anything listens.
   *
   * @param service the only ones that are the service's; empty: the first of each protocol
   * @param management never the service's, whatever {@code service} says
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

  /** A server listens now. Ports below 1 (not bound, in-process) are ignored, repetitions too. */
  public synchronized void listening(String protocol, @Nullable String host, int port) {
    if (port < 1 || at(port) >= 0) {
      return;
    }
    Port p = new Port(protocol, host, port, passedOver(protocol, port));
    open.add(p);
    if (sink != null) {
      p.tell(sink);
    }
  }

  private @Nullable String passedOver(String protocol, int port) {
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
    int i = at(port);
    if (i >= 0) {
      Port p = open.remove(i);
      if (sink != null && p.passedOver == null) {
        sink.stopped(port);
      }
    }
  }

  /** Tells what listens already, and from now on every change. The sink must not block. */
  public synchronized void follow(Sink next) {
    sink = next;
    for (Port p : open) {
      p.tell(next);
    }
  }

  private int at(int port) {
    for (int i = 0; i < open.size(); i++) {
      if (open.get(i).number == port) {
        return i;
      }
    }
    return -1;
  }
}
