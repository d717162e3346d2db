package io.weir.instrumentation.grpc.adapter;

import io.grpc.CallOptions;
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
import io.weir.bootstrap.HookId;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.instances.Instance;
import io.weir.engine.route.Router;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

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
 * #pick} from any thread reads one concurrent map and allocates nothing.
 */
final class RoutedHelper extends ForwardingLoadBalancerHelper {
  /** The instance a call was decided for, on its way from the gate to the picker. */
  static final CallOptions.Key<Instance> INSTANCE = CallOptions.Key.create("weir-instance");

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
  private Router swept;
  private boolean down;

  private RoutedHelper(Helper channel, Engine engine) {
    this.channel = channel;
    this.engine = engine;
  }

  static Helper around(Helper channel, Engine engine) {
    RoutedHelper helper = new RoutedHelper(channel, engine);
    // a call with a decision need not wait until the balancer has found its own addresses
    channel
        .getSynchronizationContext()
        .execute(
            () -> {
              if (helper.original == NOTHING_YET) {
                helper.publish();
              }
            });
    return helper;
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

  private PickResult pick(Instance instance) {
    Connection c = connections.get(instance);
    if (c == null) {
      channel.getSynchronizationContext().execute(() -> connect(instance));
      return PickResult.withNoResult();
    }
    PickResult r = c.result;
    if (r != null) {
      return r;
    }
    channel.getSynchronizationContext().execute(c.requestConnection);
    return PickResult.withNoResult();
  }

  private void connect(Instance instance) {
    if (down || connections.containsKey(instance)) {
      return;
    }
    sweep(instance);
    Connection known = byAddress.get(instance.toString());
    if (known != null) {
      connections.put(instance, known);
      publish();
      return;
    }
    if (isLiteral(instance.host())) {
      connect(instance, new InetSocketAddress(instance.host(), instance.port()));
      return;
    }
    if (!lookedUp.add(instance)) {
      return;
    }
    // a name: looked up aside, the synchronization context must not wait for DNS
    Executor executor = SharedResourceHolder.get(GrpcUtil.SHARED_CHANNEL_EXECUTOR);
    try {
      executor.execute(
          () -> {
            InetSocketAddress address = new InetSocketAddress(instance.host(), instance.port());
            channel.getSynchronizationContext().execute(() -> connect(instance, address));
          });
    } finally {
      SharedResourceHolder.release(GrpcUtil.SHARED_CHANNEL_EXECUTOR, executor);
    }
  }

  private void connect(Instance instance, InetSocketAddress address) {
    lookedUp.remove(instance);
    if (down) {
      return;
    }
    Connection c = byAddress.get(instance.toString());
    if (c == null) {
      c =
          new Connection(
              this,
              channel.createSubchannel(
                  CreateSubchannelArgs.newBuilder()
                      .setAddresses(new EquivalentAddressGroup(address))
                      .build()));
      byAddress.put(instance.toString(), c);
      c.subchannel.start(c);
      c.subchannel.requestConnection();
    }
    connections.put(instance, c);
    publish();
  }

  /** Lets go of instances that are no longer registered. */
  private void sweep(Instance instance) {
    ServicePlan plan = engine.plan(instance.service());
    Router router = plan == null ? null : plan.router();
    if (router == null || router == swept) {
      return;
    }
    swept = router;
    Map<String, Instance> live = new HashMap<String, Instance>();
    for (Instance i : router.instances()) {
      live.put(i.toString(), i);
    }
    for (Iterator<Map.Entry<Instance, Connection>> i = connections.entrySet().iterator();
        i.hasNext(); ) {
      Instance old = i.next().getKey();
      if (old.service().equals(instance.service()) && live.get(old.toString()) != old) {
        i.remove();
        Connection gone =
            live.containsKey(old.toString()) ? null : byAddress.remove(old.toString());
        if (gone != null) {
          gone.subchannel.shutdown();
        }
      }
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

  /** Our connection to one instance. */
  private static final class Connection implements SubchannelStateListener {
    final RoutedHelper helper;
    final Subchannel subchannel;
    final Runnable requestConnection;

    /** What a pick gets; null: idle, ask for a connection first. */
    volatile PickResult result = PickResult.withNoResult();

    Connection(RoutedHelper helper, Subchannel subchannel) {
      this.helper = helper;
      this.subchannel = subchannel;
      this.requestConnection = subchannel::requestConnection;
    }

    @Override
    public void onSubchannelState(ConnectivityStateInfo info) {
      switch (info.getState()) {
        case READY:
          result = PickResult.withSubchannel(subchannel);
          break;
        case CONNECTING:
          result = PickResult.withNoResult();
          break;
        case IDLE:
          result = null;
          break;
        case TRANSIENT_FAILURE:
          result = PickResult.withError(info.getStatus());
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
      Instance instance = args.getCallOptions().getOption(INSTANCE);
      if (instance != null) {
        try {
          return helper.pick(instance);
        } catch (Throwable t) {
          Bridge.failedOpen(HookId.GRPC_BALANCER, t);
        }
      }
      return original.pickSubchannel(args);
    }
  }
}
