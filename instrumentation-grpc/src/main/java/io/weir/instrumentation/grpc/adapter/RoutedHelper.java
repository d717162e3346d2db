package io.weir.instrumentation.grpc.adapter;

import io.grpc.ConnectivityState;
import io.grpc.ConnectivityStateInfo;
import io.grpc.EquivalentAddressGroup;
import io.grpc.LoadBalancer.CreateSubchannelArgs;
import io.grpc.LoadBalancer.Helper;
import io.grpc.LoadBalancer.PickResult;
import io.grpc.LoadBalancer.PickSubchannelArgs;
import io.grpc.LoadBalancer.Subchannel;
import io.grpc.LoadBalancer.SubchannelPicker;
import io.grpc.LoadBalancer.SubchannelStateListener;
import io.grpc.internal.GrpcUtil;
import io.grpc.internal.SharedResourceHolder;
import io.grpc.util.ForwardingLoadBalancerHelper;
import io.weir.bootstrap.Bridge;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import java.net.InetSocketAddress;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Routes the calls of one channel to instances.
 *
 * <p>A gRPC channel asks its load balancer for a connection ("subchannel") per call. The balancer
 * answers by a picker, which it gives to the channel through its helper. This class wraps that
 * helper and every picker. A call whose options carry an instance gets Weir's connection to that
 * instance; any other call gets what the balancer's own picker says. Weir's connections are
 * subchannels of the same channel. So TLS, credentials, authority, keep-alive and interceptors are
 * the application's, and it does not matter which policy balances, who chose it, or whether it has
 * found any address.
 *
 * <p>A connection is made when its instance is first picked, kept while the instance is registered,
 * and shut down with the balancer (channel idle or shut down).
 *
 * <p>Threading: state changes only in the channel's synchronization context. {@link #pick} runs on
 * any thread, reads one concurrent map and allocates nothing. An exception in the synchronization
 * context makes a channel panic and fail all of its calls, so all of Weir's code there catches
 * everything. A call for which no connection can be created goes where the balancer's own picker
 * says.
 */
final class RoutedHelper extends ForwardingLoadBalancerHelper {
  /** In place of the balancer's first picker: calls wait. */
  private static final SubchannelPicker NO_PICKER_YET =
      new SubchannelPicker() {
        @Override
        public PickResult pickSubchannel(PickSubchannelArgs args) {
          return PickResult.withNoResult();
        }
      };

  private final Helper channel;
  private final Engine engine;

  /** The executor that resolves host names. */
  private final SharedResourceHolder.Resource<Executor> resolver;

  /** Instances are compared by identity: a changed registration of an address is another key. */
  private final Map<Instance, Connection> connections =
      new ConcurrentHashMap<Instance, Connection>();

  // The fields below are confined to the synchronization context.

  private final Map<String, Connection> byAddress = new HashMap<String, Connection>();
  private ConnectivityState state = ConnectivityState.CONNECTING;
  private SubchannelPicker balancerPicker = NO_PICKER_YET;

  /** Instances whose host name is being resolved. */
  private final Set<Instance> resolving = new HashSet<Instance>();

  /** The registered instances of a service when {@link #sweep} last ran for it. */
  private final Map<String, List<Instance>> swept = new HashMap<String, List<Instance>>();

  private boolean isShutdown;

  private RoutedHelper(
      Helper channel, Engine engine, SharedResourceHolder.Resource<Executor> resolver) {
    this.channel = channel;
    this.engine = engine;
    this.resolver = resolver;
  }

  static Helper around(Helper channel, Engine engine) {
    return around(channel, engine, GrpcUtil.SHARED_CHANNEL_EXECUTOR);
  }

  /**
   * @param resolver the executor that resolves host names
   */
  static Helper around(
      Helper channel, Engine engine, SharedResourceHolder.Resource<Executor> resolver) {
    RoutedHelper helper = new RoutedHelper(channel, engine, resolver);
    // Publishes a picker at once: a routed call need not wait until the balancer has found its own
    // addresses. No lambdas on a call's path: linking one needs more stack than all the rest.
    helper.runInContext(
        new Runnable() {
          @Override
          public void run() {
            if (helper.balancerPicker == NO_PICKER_YET) {
              helper.publish();
            }
          }
        });
    return helper;
  }

  private void runInContext(Runnable task) {
    channel
        .getSynchronizationContext()
        .execute(
            new Runnable() {
              @Override
              public void run() {
                try {
                  task.run();
                } catch (Throwable t) {
                  Bridge.failedOpen(t);
                }
              }
            });
  }

  @Override
  protected Helper delegate() {
    return channel;
  }

  @Override
  public void updateBalancingState(ConnectivityState newState, SubchannelPicker newPicker) {
    state = newState;
    balancerPicker = newPicker;
    publish();
  }

  /** Gives the channel a new picker; it then picks again for calls that wait. */
  private void publish() {
    if (!isShutdown) {
      channel.updateBalancingState(state, new RoutedPicker(this, balancerPicker));
    }
  }

  /**
   * Picks for a call to an instance.
   *
   * @return null when no connection to it can be created: then the balancer's own picker decides
   */
  private @Nullable PickResult pick(Instance instance) {
    Connection c = connections.get(instance);
    if (c == null) {
      runInContext(
          new Runnable() {
            @Override
            public void run() {
              connect(instance);
            }
          });
      return PickResult.withNoResult();
    }
    if (c == FAILED) {
      return null;
    }
    PickResult r = c.result;
    if (r != null) {
      return r;
    }
    runInContext(
        new Runnable() {
          @Override
          public void run() {
            c.subchannel.requestConnection();
          }
        });
    return PickResult.withNoResult();
  }

  private void connect(Instance instance) {
    if (isShutdown || connections.containsKey(instance) || resolving.contains(instance)) {
      return;
    }
    sweep(instance.service());
    boolean known = byAddress.containsKey(instance.toString());
    if (known || isLiteral(instance.host())) {
      connect(instance, known ? null : address(instance));
      return;
    }
    // The host is a name: resolved on another thread, as the synchronization context must not
    // block.
    Executor executor = null;
    try {
      executor = SharedResourceHolder.get(resolver);
      executor.execute(
          () -> {
            InetSocketAddress address = address(instance);
            runInContext(() -> connect(instance, address));
          });
      resolving.add(instance);
    } catch (Throwable noThread) {
      // nobody will resolve it: calls to it must not wait
      Bridge.failedOpen(noThread);
      connections.put(instance, FAILED);
      publish();
    } finally {
      if (executor != null) {
        SharedResourceHolder.release(resolver, executor);
      }
    }
  }

  /** Resolves the host if it is a name. Null when the port is out of range or resolving throws. */
  private static @Nullable InetSocketAddress address(Instance instance) {
    try {
      return new InetSocketAddress(instance.host(), instance.port());
    } catch (IllegalArgumentException noPort) {
      return null;
    } catch (Throwable t) {
      // calls that wait for the address would wait for ever
      Bridge.failedOpen(t);
      return null;
    }
  }

  /**
   * @param address null when there is a connection to the instance's address, or there is no valid
   *     address
   */
  private void connect(Instance instance, @Nullable InetSocketAddress address) {
    resolving.remove(instance);
    if (isShutdown) {
      return;
    }
    Connection c = FAILED;
    try {
      c = connection(instance.toString(), address);
    } catch (Throwable t) {
      Bridge.failedOpen(t);
    }
    connections.put(instance, c);
    publish();
  }

  private Connection connection(String name, @Nullable InetSocketAddress address) {
    Connection c = byAddress.get(name);
    if (c == null && address == null) {
      return FAILED;
    }
    if (c == null) {
      Subchannel subchannel =
          channel.createSubchannel(
              CreateSubchannelArgs.newBuilder()
                  .setAddresses(new EquivalentAddressGroup(address))
                  .build());
      c = new Connection(this, subchannel);
      byAddress.put(name, c);
      subchannel.start(c);
      subchannel.requestConnection();
    }
    return c;
  }

  /** Shuts down the connections to instances of a service that are no longer registered. */
  private void sweep(String service) {
    ServicePlan plan = engine.plan(service);
    List<Instance> registered = plan == null ? Collections.<Instance>emptyList() : plan.instances();
    // Once per change of the list. A call to an unregistered instance would else sweep every time.
    if (swept.containsKey(service) && swept.get(service) == registered) {
      return;
    }
    swept.put(service, registered);
    Map<String, Instance> live = new HashMap<String, Instance>();
    for (Instance i : registered) {
      live.put(i.toString(), i);
    }
    for (Iterator<Instance> i = connections.keySet().iterator(); i.hasNext(); ) {
      Instance old = i.next();
      if (old.service().equals(service) && live.get(old.toString()) != old) {
        i.remove();
        Connection gone =
            live.containsKey(old.toString()) ? null : byAddress.remove(old.toString());
        if (gone != null) {
          gone.subchannel.shutdown();
        }
      }
    }
  }

  private void sweepAll() {
    Set<String> services = new HashSet<String>();
    for (Instance i : connections.keySet()) {
      services.add(i.service());
    }
    for (String service : services) {
      sweep(service);
    }
  }

  /** The balancer is shut down. Called in the synchronization context. */
  void shutdown() {
    isShutdown = true;
    connections.clear();
    for (Connection c : byAddress.values()) {
      c.subchannel.shutdown();
    }
    byAddress.clear();
  }

  /** Whether the host is an IP address and no name. */
  private static boolean isLiteral(String host) {
    if (host.indexOf(':') >= 0) {
      return true;
    }
    for (int i = 0; i < host.length(); i++) {
      char c = host.charAt(i);
      if (c != '.' && (c < '0' || c > '9')) {
        return false;
      }
    }
    return true;
  }

  /** In place of a connection that could not be created; only ever compared by identity. */
  @SuppressWarnings("NullAway") // its fields are never read
  private static final Connection FAILED = new Connection(null, null);

  /** Weir's connection to one address. */
  private static final class Connection implements SubchannelStateListener {
    final RoutedHelper helper;
    final Subchannel subchannel;

    /** The result of a pick; null: idle, a connection has to be requested first. */
    volatile @Nullable PickResult result = PickResult.withNoResult();

    Connection(RoutedHelper helper, Subchannel subchannel) {
      this.helper = helper;
      this.subchannel = subchannel;
    }

    @Override
    public void onSubchannelState(ConnectivityStateInfo info) {
      try {
        changed(info);
      } catch (Throwable t) {
        Bridge.failedOpen(t);
      }
    }

    private void changed(ConnectivityStateInfo info) {
      switch (info.getState()) {
        case READY:
          result = PickResult.withSubchannel(subchannel);
          break;
        case CONNECTING:
          result = PickResult.withNoResult();
          break;
        case IDLE:
          result = null;
          // connection lost: perhaps the instance is no longer registered
          helper.sweepAll();
          break;
        case TRANSIENT_FAILURE:
          result = PickResult.withError(info.getStatus());
          helper.sweepAll();
          break;
        default: // SHUTDOWN: by this class
          return;
      }
      helper.publish();
    }
  }

  private static final class RoutedPicker extends SubchannelPicker {
    private final RoutedHelper helper;
    private final SubchannelPicker balancerPicker;

    RoutedPicker(RoutedHelper helper, SubchannelPicker balancerPicker) {
      this.helper = helper;
      this.balancerPicker = balancerPicker;
    }

    @Override
    public PickResult pickSubchannel(PickSubchannelArgs args) {
      Instance instance = RoutedExecutor.instance(args.getCallOptions());
      if (instance != null) {
        try {
          PickResult decided = helper.pick(instance);
          if (decided != null) {
            return decided;
          }
        } catch (Throwable t) {
          Bridge.failedOpen(t);
        }
      }
      return balancerPicker.pickSubchannel(args);
    }
  }
}
