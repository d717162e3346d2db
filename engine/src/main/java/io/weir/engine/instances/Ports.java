package io.weir.engine.instances;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The ports this JVM's servers really listen on, as the woven servers tell them, which may be
 * before or after somebody wants to know. Safe for any thread; told a few times in a JVM's life.
 */
public final class Ports {
  /** Wants to know each port. */
  public interface Sink {
    /**
     * A server listens.
     *
     * @param protocol {@code http} or {@code grpc}
     * @param host the local address it is bound to, or null for all
     */
    void listening(String protocol, @Nullable String host, int port);

    /** A server that listened has stopped. */
    void stopped(int port);
  }

  private static final class Port {
    final String protocol;
    final @Nullable String host;
    final int number;

    Port(String protocol, @Nullable String host, int number) {
      this.protocol = protocol;
      this.host = host;
      this.number = number;
    }
  }

  private final List<Port> open = new ArrayList<Port>();
  private @Nullable Sink sink;

  /** A server listens now. Ports below 1 (not bound, in-process) are ignored, repetitions too. */
  public synchronized void listening(String protocol, @Nullable String host, int port) {
    if (port < 1 || at(port) >= 0) {
      return;
    }
    open.add(new Port(protocol, host, port));
    if (sink != null) {
      sink.listening(protocol, host, port);
    }
  }

  /** A server stops listening. */
  public synchronized void stopped(int port) {
    int i = at(port);
    if (i >= 0) {
      open.remove(i);
      if (sink != null) {
        sink.stopped(port);
      }
    }
  }

  /** Tells what listens already, and from now on every change. The sink must not block. */
  public synchronized void follow(Sink next) {
    sink = next;
    for (Port p : open) {
      next.listening(p.protocol, p.host, p.number);
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
