package io.weir.instrumentation.grpc.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.ConnectivityState;
import io.grpc.ConnectivityStateInfo;
import io.grpc.EquivalentAddressGroup;
import io.grpc.LoadBalancer;
import io.grpc.LoadBalancer.CreateSubchannelArgs;
import io.grpc.LoadBalancer.PickResult;
import io.grpc.LoadBalancer.PickSubchannelArgs;
import io.grpc.LoadBalancer.Subchannel;
import io.grpc.LoadBalancer.SubchannelPicker;
import io.grpc.LoadBalancer.SubchannelStateListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.NameResolver;
import io.grpc.Status;
import io.grpc.SynchronizationContext;
import io.grpc.internal.SharedResourceHolder;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.RuleBook;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class RoutedHelperTest {
  private final Engine engine = new Engine(EngineOptions.of("front", Ticker.SYSTEM));
  private final Channel channel = new Channel();
  private RoutedHelper helper = (RoutedHelper) RoutedHelper.around(channel, engine);
  private final Subchannel policys = new Sub(null);
  private final Instance a = instance("127.0.0.1", 1);
  private final Instance b = instance("127.0.0.1", 2);

  @Test
  void aDecidedCallNeedNotWaitForThePolicy() {
    assertThat(channel.pick(a)).isSameAs(PickResult.withNoResult());
    assertThat(channel.subs).hasSize(1);
    Sub sub = channel.subs.get(0);
    assertThat(sub.asked).isEqualTo(1);
    sub.become(ConnectivityState.READY);
    assertThat(channel.pick(a).getSubchannel()).isSameAs(sub);
    assertThat(channel.pick(null)).isSameAs(PickResult.withNoResult());
  }

  @Test
  void whereACallBringsItsExecutorThatSaysWhichInstanceAndRunsTasksAsBefore() {
    List<Runnable> run = new ArrayList<>();
    CallOptions options = RoutedExecutor.to(a, CallOptions.DEFAULT.withExecutor(run::add));
    assertThat(RoutedExecutor.instance(options)).isSameAs(a);
    Runnable task = () -> {};
    options.getExecutor().execute(task);
    assertThat(run).containsExactly(task);
    // one that runs tasks at once the library knows by its identity
    options =
        RoutedExecutor.to(b, CallOptions.DEFAULT.withExecutor(MoreExecutors.directExecutor()));
    assertThat(RoutedExecutor.instance(options)).isSameAs(b);
    assertThat(options.getExecutor()).isSameAs(MoreExecutors.directExecutor());
    options = RoutedExecutor.to(b, CallOptions.DEFAULT);
    assertThat(RoutedExecutor.instance(options)).isSameAs(b);
    assertThat(options.getExecutor()).isNull();
    assertThat(RoutedExecutor.instance(CallOptions.DEFAULT.withExecutor(run::add))).isNull();
  }

  @Test
  void anUndecidedCallGoesWhereThePolicySays() {
    policyIsReady();
    channel.pick(a);
    channel.subs.get(0).become(ConnectivityState.READY);
    assertThat(channel.pick(null).getSubchannel()).isSameAs(policys);
  }

  @Test
  void anInstanceHasOneConnectionHoweverManyAsk() {
    for (int i = 0; i < 10; i++) {
      channel.pick(a);
      channel.pick(b);
    }
    assertThat(channel.subs).hasSize(2);
    live(instance("127.0.0.1", 1), b);
    Instance again = instance("127.0.0.1", 1);
    live(again, b);
    channel.subs.get(0).become(ConnectivityState.READY);
    assertThat(channel.pick(again)).as("registered anew").isSameAs(PickResult.withNoResult());
    assertThat(channel.pick(again).getSubchannel()).isSameAs(channel.subs.get(0));
    assertThat(channel.subs).hasSize(2);
  }

  @Test
  void aFailingConnectionFailsItsCallsAndAnIdleOneIsAskedToConnect() {
    policyIsReady();
    live(a, b);
    channel.pick(a);
    Sub sub = channel.subs.get(0);
    sub.become(ConnectivityState.TRANSIENT_FAILURE);
    assertThat(channel.pick(a).getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    sub.become(ConnectivityState.CONNECTING);
    assertThat(channel.pick(a)).isSameAs(PickResult.withNoResult());
    sub.become(ConnectivityState.IDLE);
    assertThat(channel.pick(a)).isSameAs(PickResult.withNoResult());
    assertThat(sub.asked).isEqualTo(2);
  }

  @Test
  void theConnectionToAnInstanceThatIsGoneIsClosed() {
    live(a, b);
    channel.pick(a);
    channel.pick(b);
    channel.subs.forEach(s -> s.become(ConnectivityState.READY));
    live(b);
    assertThat(channel.subs.get(0).down).as("calls may still be under way").isFalse();
    channel.subs.get(0).become(ConnectivityState.IDLE);
    assertThat(channel.subs.get(0).down).isTrue();
    assertThat(channel.subs.get(1).down).isFalse();
    assertThat(channel.pick(b).getSubchannel()).isSameAs(channel.subs.get(1));
    engine.apply(RuleBook.EMPTY);
    channel.subs.get(1).become(ConnectivityState.TRANSIENT_FAILURE);
    assertThat(channel.subs.get(1).down).as("none is registered any more").isTrue();
  }

  @Test
  void withItsBalancerEveryConnectionEnds() {
    channel.pick(a);
    channel.pick(b);
    helper.shutdown();
    assertThat(channel.subs).allMatch(s -> s.down);
    channel.pick(a);
    assertThat(channel.subs).as("none is begun afterwards").hasSize(2);
  }

  @Test
  void whatFailsInsideNeverReachesTheChannelAndTheCallPasses() {
    policyIsReady();
    channel.broken = true;
    channel.pick(a);
    assertThat(channel.pick(a).getSubchannel()).isSameAs(policys);
    channel.broken = false;
    Instance impossible = instance("127.0.0.1", 99999);
    channel.pick(impossible);
    assertThat(channel.pick(impossible).getSubchannel()).isSameAs(policys);
    assertThat(channel.panics).isEmpty();
  }

  @Test
  void aNameIsResolvedOutsideTheChannelsContext() {
    List<Runnable> tasks = new ArrayList<>();
    resolveOn(() -> tasks::add);
    Instance named = instance("localhost", 1);
    channel.pick(named);
    channel.pick(named);
    assertThat(channel.subs).isEmpty();
    assertThat(tasks).hasSize(1);
    tasks.get(0).run();
    assertThat(channel.subs).hasSize(1);
  }

  @Test
  void callsToANameThatNoThreadResolvesGoWhereThePolicySays() {
    Executor full =
        task -> {
          throw new RejectedExecutionException("full");
        };
    Executor noThread =
        task -> {
          throw new OutOfMemoryError("unable to create native thread");
        };
    Supplier<Executor> noExecutor =
        () -> {
          throw new OutOfMemoryError("unable to create one");
        };
    for (Supplier<Executor> resolver :
        List.<Supplier<Executor>>of(() -> full, () -> noThread, noExecutor)) {
      resolveOn(resolver);
      policyIsReady();
      Instance named = instance("localhost", 1);
      int before = channel.pickers;
      assertThat(channel.pick(named)).isSameAs(PickResult.withNoResult());
      assertThat(channel.pickers).as("calls that wait are picked for again").isGreaterThan(before);
      assertThat(channel.pick(named).getSubchannel()).isSameAs(policys);
    }
    assertThat(channel.panics).isEmpty();
  }

  @Test
  void aNameIsResolvedByATaskThatWasKeptAndRejected() {
    List<Runnable> tasks = new ArrayList<>();
    Executor keepsAndRejects =
        task -> {
          tasks.add(task);
          throw new RejectedExecutionException("full");
        };
    resolveOn(() -> keepsAndRejects);
    policyIsReady();
    Instance named = instance("localhost", 1);
    channel.pick(named);
    assertThat(channel.pick(named).getSubchannel()).isSameAs(policys);
    tasks.get(0).run();
    channel.subs.get(0).become(ConnectivityState.READY);
    assertThat(channel.pick(named).getSubchannel()).isSameAs(channel.subs.get(0));
  }

  /** The channel's balancer gets a helper that resolves names on this executor. */
  private void resolveOn(Supplier<Executor> executor) {
    helper =
        (RoutedHelper)
            RoutedHelper.around(
                channel,
                engine,
                new SharedResourceHolder.Resource<Executor>() {
                  @Override
                  public Executor create() {
                    return executor.get();
                  }

                  @Override
                  public void close(Executor instance) {}
                });
  }

  private void policyIsReady() {
    helper.updateBalancingState(
        ConnectivityState.READY,
        new SubchannelPicker() {
          @Override
          public PickResult pickSubchannel(PickSubchannelArgs args) {
            return PickResult.withSubchannel(policys);
          }
        });
  }

  private void live(Instance... instances) {
    RuleBook.Builder b = new RuleBook.Builder();
    Arrays.asList(instances).forEach(b::instance);
    engine.apply(b.build());
  }

  private static Instance instance(String host, int port) {
    return new Instance("stock", host, port, null, null, null, Collections.emptyMap(), 100, null);
  }

  /** Stands for the channel: what a helper asks of it, nothing else. */
  private static final class Channel extends LoadBalancer.Helper {
    final List<Throwable> panics = new ArrayList<>();
    final List<Sub> subs = new ArrayList<>();
    private final SynchronizationContext context =
        new SynchronizationContext((thread, panic) -> panics.add(panic));
    private SubchannelPicker picker;

    /** How many pickers the channel has got. */
    int pickers;

    boolean broken;

    PickResult pick(Instance instance) {
      CallOptions options =
          instance == null ? CallOptions.DEFAULT : RoutedExecutor.to(instance, CallOptions.DEFAULT);
      return picker.pickSubchannel(
          new PickSubchannelArgs() {
            @Override
            public CallOptions getCallOptions() {
              return options;
            }

            @Override
            public Metadata getHeaders() {
              return new Metadata();
            }

            @Override
            public MethodDescriptor<?, ?> getMethodDescriptor() {
              throw new UnsupportedOperationException();
            }
          });
    }

    @Override
    public Subchannel createSubchannel(CreateSubchannelArgs args) {
      if (broken) {
        throw new IllegalStateException("Channel is being terminated");
      }
      Sub sub = new Sub(context);
      subs.add(sub);
      return sub;
    }

    @Override
    public void updateBalancingState(ConnectivityState state, SubchannelPicker next) {
      picker = next;
      pickers++;
    }

    @Override
    public SynchronizationContext getSynchronizationContext() {
      return context;
    }

    @Override
    public String getAuthority() {
      return "stock:8080";
    }

    @Override
    @Deprecated
    public NameResolver.Factory getNameResolverFactory() {
      throw new UnsupportedOperationException();
    }

    @Override
    public ManagedChannel createOobChannel(EquivalentAddressGroup group, String authority) {
      throw new UnsupportedOperationException();
    }
  }

  private static final class Sub extends Subchannel {
    private final SynchronizationContext context;
    private SubchannelStateListener listener;
    int asked;
    boolean down;

    Sub(SynchronizationContext context) {
      this.context = context;
    }

    void become(ConnectivityState state) {
      context.execute(
          () ->
              listener.onSubchannelState(
                  state == ConnectivityState.TRANSIENT_FAILURE
                      ? ConnectivityStateInfo.forTransientFailure(Status.UNAVAILABLE)
                      : ConnectivityStateInfo.forNonError(state)));
    }

    @Override
    public void start(SubchannelStateListener listener) {
      this.listener = listener;
    }

    @Override
    public void requestConnection() {
      asked++;
    }

    @Override
    public void shutdown() {
      down = true;
    }

    @Override
    public Attributes getAttributes() {
      return Attributes.EMPTY;
    }
  }
}
