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
 * Routing inside one channel.
 *
 * <p>A gRPC channel asks its load balancer for a connection ("subchannel") per call; the balancer
 * answers through a picker that it hands to the channel by its helper. This helper stands between
 * the two. It wraps every picker: a call whose options carry an instance gets our connection to
 * that instance, any other call gets what the balancer's own picker says. Our connections are
 * subchannels of the same channel, so TLS, credentials, authority, keep-alive, and interceptors are
 * the application's; and it does not matter which policy balances, who named it, or whether it has
 * found any address at all.
 *
 * <p>Connections are made when first picked, kept while their instance is registered, and shut down
 * with the balancer (channel idle or shut down).
 *
 * <p>Threading: everything that changes runs in the channel's synchronization context; {@link
 * #pick} from any thread reads one concurrent map and allocates nothing. Whatever is thrown inside
 * that context makes a channel panic and fail all of its calls: nothing of ours may leave it. A
 * call whose connection cannot even be begun goes where the balancer's own picker says.
 */
final class RoutedHelper extends ForwardingLoadBalancerHelper {
  private static final SubchannelPicker NOTHING_YET =
      new SubchannelPicker() {
        @Override
        public PickResult pickSubchannel(PickSubchannelArgs args) {
          return PickResult.withNoResult();
        }
      };

  private final Helper channel;
  private final Engine engine;

  /** By identity: the same address is another key once its registration has changed. */
  private final Map<Instance, Connection> connections =
      new ConcurrentHashMap<Instance, Connection>();

  // in the synchronization context from here on
  private final Map<String, Connection> byAddress = new HashMap<String, Connection>();
  private ConnectivityState state = ConnectivityState.CONNECTING;
  private SubchannelPicker original = NOTHING_YET;
  private final Set<Instance> lookedUp = new HashSet<Instance>();

  /** By service, what was registered when it was swept. */
  private final Map<String, List<Instance>> swept = new HashMap<String, List<Instance>>();

  private boolean down;

  private RoutedHelper(Helper channel, Engine engine) {
    this.channel = channel;
    this.engine = engine;
  }

  static Helper around(Helper channel, Engine engine) {
    RoutedHelper helper = new RoutedHelper(channel, engine);
    // a call with a decision need not wait until the balancer has found its own addresses
    // no lambdas on the way of a call: linking one takes more stack than all the rest of it
    helper.inContext(
        new Runnable() {
          @Override
          public void run() {
            if (helper.original == NOTHING_YET) {
              helper.publish();
            }
          }
        });
    return helper;
  }

  private void inContext(Runnable task) {
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
    original = newPicker;
    publish();
  }

  /** A new picker makes the channel ask again for the calls that wait. */
  private void publish() {
    if (!down) {
      channel.updateBalancingState(state, new RoutedPicker(this, original));
    }
  }

  /** Null: as if nothing had been decided. */
  private @Nullable PickResult pick(Instance instance) {
    Connection c = connections.get(instance);
    if (c == null) {
      inContext(
          new Runnable() {
            @Override
            public void run() {
              connect(instance);
            }
          });
      return PickResult.withNoResult();
    }
    if (c == NONE) {
      return null;
    }
    PickResult r = c.result;
    if (r != null) {
      return r;
    }
    inContext(
        new Runnable() {
          @Override
          public void run() {
            c.subchannel.requestConnection();
          }
        });
    return PickResult.withNoResult();
  }

  private void connect(Instance instance) {
    if (down || connections.containsKey(instance) || lookedUp.contains(instance)) {
      return;
    }
    sweep(instance.service());
    boolean known = byAddress.containsKey(instance.toString());
    if (known || isLiteral(instance.host())) {
      connect(instance, known ? null : address(instance));
      return;
    }
    // a name: looked up aside, the synchronization context must not wait for DNS
    lookedUp.add(instance);
    Executor executor = SharedResourceHolder.get(GrpcUtil.SHARED_CHANNEL_EXECUTOR);
    try {
      executor.execute(
          () -> {
            InetSocketAddress address = address(instance);
            inContext(() -> connect(instance, address));
          });
    } finally {
      SharedResourceHolder.release(GrpcUtil.SHARED_CHANNEL_EXECUTOR, executor);
    }
  }

  /** Null when it is none. */
  private static @Nullable InetSocketAddress address(Instance instance) {
    try {
      return new InetSocketAddress(instance.host(), instance.port());
    } catch (IllegalArgumentException noPort) {
      return null;
    }
  }

  private void connect(Instance instance, @Nullable InetSocketAddress address) {
    lookedUp.remove(instance);
    if (down) {
      return;
    }
    Connection c = NONE;
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
      return NONE;
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

  /** Lets go of a service's instances that are no longer registered. */
  private void sweep(String service) {
    ServicePlan plan = engine.plan(service);
    List<Instance> registered = plan == null ? Collections.<Instance>emptyList() : plan.instances();
    // once per change: a call that waits for an instance which is gone must not sweep the others
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

  /** The balancer is shut down; in the synchronization context. */
  void shutdown() {
    down = true;
    connections.clear();
    for (Connection c : byAddress.values()) {
      c.subchannel.shutdown();
    }
    byAddress.clear();
  }

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

  /** Stands for a connection that could not be begun; nobody looks into it. */
  @SuppressWarnings("NullAway")
  private static final Connection NONE = new Connection(null, null);

  /** Our connection to one instance. */
  private static final class Connection implements SubchannelStateListener {
    final RoutedHelper helper;
    final Subchannel subchannel;

    /** What a pick gets; null: idle, ask for a connection first. */
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
          // lost: perhaps because the instance is gone for good
          helper.sweepAll();
          break;
        case TRANSIENT_FAILURE:
          result = PickResult.withError(info.getStatus());
          helper.sweepAll();
          break;
        default: // SHUTDOWN: by us
          return;
      }
      helper.publish();
    }
  }

  private static final class RoutedPicker extends SubchannelPicker {
    private final RoutedHelper helper;
    private final SubchannelPicker original;

    RoutedPicker(RoutedHelper helper, SubchannelPicker original) {
      this.helper = helper;
      this.original = original;
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
      return original.pickSubchannel(args);
    }
  }
}
