package io.weir.control.registry;

import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.loop.LoopThread;
import io.weir.control.store.SharedStore;
import io.weir.engine.instances.ListeningPorts;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Registers the ports on which the application listens ({@link ListeningPorts}), and deregisters
 * each when its server or the JVM stops.
 *
 * <p>Threads: {@code weir-probe} looks up addresses and probes the servers; registrations run on
 * the control loop.
 */
public final class Registry implements ListeningPorts.Sink, AutoCloseable {
  private final SharedStore store;
  private final Loop loop;
  private final LoopThread prober;
  private final InstanceDescription self;
  private final BiConsumer<String, Boolean> addresses;
  private final Log log;
  private final Map<Integer, Registration> byPort =
      new HashMap<Integer, Registration>(); // guarded by its own monitor
  private boolean closed; // guarded by byPort

  /**
   * @param self what is known of this instance besides its port
   * @param addresses called with each address, for this instance's status: true when it is to be
   *     registered, false when its server has stopped. Not called by {@link #close}: the JVM ends
   */
  public Registry(
      SharedStore store,
      Loop loop,
      InstanceDescription self,
      BiConsumer<String, Boolean> addresses,
      Log log) {
    this.store = store;
    this.loop = loop;
    this.self = self;
    this.addresses = addresses;
    this.log = log;
    this.prober = new LoopThread("weir-probe", log);
  }

  /** Starts to register: the ports that listen now and those that will. Any thread. */
  public void follow(ListeningPorts ports) {
    prober.execute(() -> ports.follow(this));
  }

  /** Registers on the prober's thread: an address look-up must not block the application's. */
  @Override
  public void listening(String protocol, @Nullable String host, int port) {
    prober.execute(() -> register(protocol, host, port));
  }

  private void register(String protocol, @Nullable String host, int port) {
    try {
      InetAddress local =
          host == null ? InetAddress.getLoopbackAddress() : InetAddress.getByName(host);
      Probe probe =
          protocol.equals("grpc")
              ? new GrpcProbe(local, port)
              : new HttpProbe(local, port, self.healthPath, log);
      String address = self.address(port);
      if (address == null) {
        address = reachable(host) + ":" + port;
      }
      Registration r =
          new Registration(
              store, loop, prober::execute, probe, self.service, address, self.json(protocol), log);
      synchronized (byPort) {
        if (closed) {
          return;
        }
        for (Registration other : byPort.values()) {
          if (other.address().equals(address)) {
            log.info(
                "weir: port "
                    + port
                    + " is not registered: weir.instance.address names one port and it is taken;"
                    + " give it a host alone");
            return;
          }
        }
        byPort.put(port, r);
      }
      r.start();
      addresses.accept(address, true);
    } catch (UnknownHostException | IllegalArgumentException e) {
      log.warn("weir: port " + port + " is not registered: " + e.getMessage());
    }
  }

  @Override
  public void passedOver(int port, String why) {
    log.info("weir: port " + port + " is not registered: " + why);
  }

  @Override
  public void stopped(int port) {
    prober.execute(
        () -> {
          Registration r;
          synchronized (byPort) {
            r = byPort.remove(port);
          }
          if (r != null) {
            r.close();
            addresses.accept(r.address(), false);
          }
        });
  }

  /** Whether no port is registered, so that a shutdown has nothing to drain. */
  public boolean isEmpty() {
    synchronized (byPort) {
      return byPort.isEmpty();
    }
  }

  /** Is called with the state of each registration. */
  public interface Visitor {
    /**
     * @param address {@code host:port}
     * @param registered whether the key is in etcd, as far as is known here
     * @param timesLost how often the key was lost since the server began to listen
     */
    void registration(String address, boolean registered, long timesLost);
  }

  /** Calls the visitor for every server that listens. Any thread. */
  public void visit(Visitor visitor) {
    List<Registration> all;
    synchronized (byPort) {
      all = new ArrayList<Registration>(byPort.values());
    }
    for (Registration r : all) {
      visitor.registration(r.address(), r.isRegistered(), r.timesLost());
    }
  }

  /** Deregisters everything. */
  @Override
  public void close() {
    synchronized (byPort) {
      for (Registration r : byPort.values()) {
        r.close();
      }
      byPort.clear();
      closed = true;
    }
    prober.close(0);
  }

  /**
   * The host by which others reach a server.
   *
   * @param host the bound address; null when the server is bound to all: then the first IPv4
   *     address that is not loopback
   */
  private static String reachable(@Nullable String host) {
    if (host != null) {
      return bracketed(host);
    }
    try {
      for (NetworkInterface n : Collections.list(NetworkInterface.getNetworkInterfaces())) {
        if (n.isUp() && !n.isLoopback() && !n.isVirtual() && !n.isPointToPoint()) {
          for (InetAddress a : Collections.list(n.getInetAddresses())) {
            if (a instanceof java.net.Inet4Address && !a.isLinkLocalAddress()) {
              return a.getHostAddress();
            }
          }
        }
      }
    } catch (SocketException noInterfaces) {
      // falls back to loopback
    }
    return "127.0.0.1";
  }

  private static String bracketed(String host) {
    return host.indexOf(':') >= 0 ? "[" + host + "]" : host;
  }
}
