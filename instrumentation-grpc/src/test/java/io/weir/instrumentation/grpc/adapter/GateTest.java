package io.weir.instrumentation.grpc.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.InternalMetadata;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.internal.GrpcUtil;
import io.grpc.internal.ObjectPool;
import io.grpc.internal.SharedResourcePool;
import io.weir.bootstrap.Colour;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.instances.Instance;
import io.weir.engine.match.MatchExpression;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RuleBook;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The gates in one JVM, without weaving; what needs an agent is in the smoke tests. */
class GateTest {
  private static final ObjectPool<Executor> POOL =
      SharedResourcePool.forResource(GrpcUtil.SHARED_CHANNEL_EXECUTOR);
  private static final MethodDescriptor<String, String> METHOD =
      MethodDescriptor.<String, String>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("shop.Stock/Get")
          .setRequestMarshaller(new Text())
          .setResponseMarshaller(new Text())
          .build();

  private final Engine engine = new Engine(EngineOptions.of("stock", Ticker.SYSTEM));
  private final AtomicInteger handled = new AtomicInteger();
  private final String name = InProcessServerBuilder.generateName();
  private Server server;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    List<ServerInterceptor> outside = new ArrayList<>();
    new ServerBuildHook(engine).enter(null, outside, POOL, null);
    new ServerBuildHook(engine).enter(null, outside, POOL, null);
    assertThat(outside).as("built twice, governed once").hasSize(1);
    List<ClientInterceptor> inside = new ArrayList<>();
    new ClientBuildHook(engine).enter(null, inside, POOL, null);
    new ClientBuildHook(engine).enter(null, inside, POOL, null);
    assertThat(inside).as("built twice, governed once").hasSize(1);
    server =
        InProcessServerBuilder.forName(name)
            .addService(
                ServerServiceDefinition.builder("shop.Stock")
                    .addMethod(METHOD, (call, headers) -> answer(call))
                    .build())
            .intercept(outside.get(0))
            .build()
            .start();
    channel =
        InProcessChannelBuilder.forName(name)
            .overrideAuthority("stock")
            .intercept(inside.get(0))
            .build();
  }

  @AfterEach
  void stop() throws Exception {
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    server.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }

  @Test
  void aThrowableOfOursLetsTheCallPass() throws Exception {
    for (RateLimitRule.Side side : RateLimitRule.Side.values()) {
      engine.apply(
          new RuleBook.Builder()
              .add(RateLimitRule.builder().service("stock").side(side).qps(0).match(THROWS).build())
              .build());
      assertThat(call(CallOptions.DEFAULT)).as(side.name()).isEqualTo(Status.Code.OK);
    }
    assertThat(handled).hasValue(2);
  }

  @Test
  void aRefusalIsToldByTheCallsExecutorAndNotWithinStart() throws Exception {
    refuse(RateLimitRule.Side.CLIENT);
    BlockingQueue<Runnable> executor = new ArrayBlockingQueue<>(8);
    Ending ending = new Ending();
    ClientCall<String, String> call =
        channel.newCall(METHOD, CallOptions.DEFAULT.withExecutor(executor::add));
    call.start(ending, new Metadata());
    assertThat(ending.statuses).isEmpty();
    executor.remove().run();
    assertThat(ending.await()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    // what a stub still does with the call
    call.sendMessage("late");
    call.halfClose();
    call.request(1);
    call.cancel("never mind", null);
    assertThat(call.isReady()).isFalse();
    assertThat(executor).as("told once").isEmpty();
    assertThat(handled).hasValue(0);
  }

  @Test
  void withoutAnExecutorOfItsOwnACallIsRefusedByTheChannels() throws Exception {
    refuse(RateLimitRule.Side.CLIENT);
    Ending ending = new Ending();
    channel.newCall(METHOD, CallOptions.DEFAULT).start(ending, new Metadata());
    assertThat(ending.await()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(ending.thread).isNotSameAs(Thread.currentThread());
  }

  @Test
  void aServersRefusalReachesNoHandler() throws Exception {
    refuse(RateLimitRule.Side.SERVER);
    assertThat(call(CallOptions.DEFAULT)).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(handled).hasValue(0);
  }

  @Test
  void aGovernedCallCannotBeMisusedOtherwiseThanTheLibrarys() {
    refuse(RateLimitRule.Side.CLIENT);
    ClientCall<String, String> governed = channel.newCall(METHOD, CallOptions.DEFAULT);
    governed.cancel("before start", null);
    assertThatThrownBy(() -> governed.start(new Ending(), new Metadata()))
        .isInstanceOf(IllegalStateException.class);
    ClientCall<String, String> unstarted = channel.newCall(METHOD, CallOptions.DEFAULT);
    assertThatThrownBy(() -> unstarted.sendMessage("x")).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(
            () -> channel.newCall(METHOD, CallOptions.DEFAULT).start(null, new Metadata()))
        .isInstanceOf(NullPointerException.class);
    ClientCall<String, String> twice = channel.newCall(METHOD, CallOptions.DEFAULT);
    twice.start(new Ending(), new Metadata());
    assertThatThrownBy(() -> twice.start(new Ending(), new Metadata()))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aWaiterWhoseContextIsCancelledReturnsItsTokensAtOnce() throws Exception {
    // one call per 50 s, and at most 60 s of waiting: a second waiter would be refused
    engine.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("stock")
                    .side(RateLimitRule.Side.CLIENT)
                    .qps(0.02)
                    .burst(1)
                    .maxWaitNanos(TimeUnit.SECONDS.toNanos(60))
                    .build())
            .build());
    assertThat(call(CallOptions.DEFAULT)).isEqualTo(Status.Code.OK);
    for (int i = 0; i < 3; i++) {
      Context.CancellableContext work = Context.current().withCancellation();
      Ending ending = new Ending();
      work.run(() -> channel.newCall(METHOD, CallOptions.DEFAULT).start(ending, new Metadata()));
      work.cancel(null);
      assertThat(ending.await()).isEqualTo(Status.Code.CANCELLED);
    }
    assertThat(handled).hasValue(1);
  }

  /** Paces calls at one each second, to an instance that shows what is under way; one was made. */
  private Instance pacedInstance() throws Exception {
    Instance instance =
        new Instance(
            "stock", "127.0.0.1", 1, null, null, null, Collections.emptyMap(), 100, "grpc");
    engine.apply(
        new RuleBook.Builder()
            .instance(instance)
            .add(
                RateLimitRule.builder()
                    .service("stock")
                    .side(RateLimitRule.Side.CLIENT)
                    .qps(1)
                    .burst(1)
                    .maxWaitNanos(TimeUnit.SECONDS.toNanos(60))
                    .build())
            .build());
    assertThat(call(CallOptions.DEFAULT)).isEqualTo(Status.Code.OK);
    return instance;
  }

  @Test
  void aPacedCallWhoseBufferedActionFailsIsCancelledOnceAndHoldsNothing() throws Exception {
    Instance instance = pacedInstance();
    Ending ending = new Ending();
    ClientCall<String, String> call = channel.newCall(METHOD, CallOptions.DEFAULT);
    call.start(ending, new Metadata());
    call.request(-1); // the library throws
    call.sendMessage("dropped");
    assertThat(ending.await()).isEqualTo(Status.Code.CANCELLED);
    call.sendMessage("dropped");
    call.cancel("it has ended", null);
    CountDownLatch after = new CountDownLatch(1);
    POOL.getObject().execute(after::countDown);
    assertThat(after.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(ending.statuses).as("closed once").isEmpty();
    assertThat(instance.inFlight()).isZero();
  }

  @Test
  void aPacedCallThatTheLibraryCannotMakeHoldsNothing() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    ClientInterceptor failsOnce =
        new ClientInterceptor() {
          @Override
          public <Q, S> ClientCall<Q, S> interceptCall(
              MethodDescriptor<Q, S> method, CallOptions options, Channel next) {
            if (calls.incrementAndGet() == 2) {
              throw new IllegalStateException("planted");
            }
            return next.newCall(method, options);
          }
        };
    List<ClientInterceptor> gate = new ArrayList<>();
    new ClientBuildHook(engine).enter(null, gate, POOL, null);
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    channel =
        InProcessChannelBuilder.forName(name)
            .overrideAuthority("stock")
            .intercept(failsOnce, gate.get(0)) // the last one is the outermost
            .build();
    Instance instance = pacedInstance();
    assertThat(call(CallOptions.DEFAULT)).isEqualTo(Status.Code.UNKNOWN);
    assertThat(instance.inFlight()).isZero();
    assertThat(call(CallOptions.DEFAULT)).isEqualTo(Status.Code.OK);
  }

  /** What an executor may do with a task: refuse it, with or without having kept or run it. */
  private enum Fault implements Executor {
    REJECTS {
      @Override
      public void execute(Runnable task) {
        throw new RejectedExecutionException("full");
      }
    },
    NO_THREAD {
      @Override
      public void execute(Runnable task) {
        throw new OutOfMemoryError("unable to create native thread");
      }
    },
    QUEUES_AND_REJECTS {
      @Override
      public void execute(Runnable task) {
        POOL.getObject().execute(task);
        throw new RejectedExecutionException("full");
      }
    },
    QUEUES_AND_NO_THREAD {
      @Override
      public void execute(Runnable task) {
        POOL.getObject().execute(task);
        throw new OutOfMemoryError("unable to create native thread");
      }
    };

    /** The library's own tasks run, so that a call gets as far as to our executor. */
    Executor toOurs() {
      return task -> {
        if (task.getClass().getName().startsWith("io.weir.")) {
          execute(task);
        } else {
          POOL.getObject().execute(task);
        }
      };
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPacedCallEndsExactlyOnceWhateverItsExecutorDoes(Fault fault) throws Exception {
    engine.apply(
        new RuleBook.Builder()
            .add(
                RateLimitRule.builder()
                    .service("stock")
                    .side(RateLimitRule.Side.CLIENT)
                    .qps(1000)
                    .burst(1)
                    .maxWaitNanos(TimeUnit.SECONDS.toNanos(60))
                    .build())
            .build());
    List<Ending> endings = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      Ending ending = new Ending();
      endings.add(ending);
      ClientCall<String, String> call =
          channel.newCall(METHOD, CallOptions.DEFAULT.withExecutor(fault.toOurs()));
      call.start(ending, new Metadata());
      call.request(2);
      call.sendMessage("hi");
      call.halfClose();
    }
    for (Ending e : endings) {
      assertThat(e.await()).isEqualTo(Status.Code.OK);
    }
    assertThat(handled).as("each was made once").hasValue(50);
    assertThat(endings).as("each ended once").allMatch(e -> e.statuses.isEmpty());
  }

  @ParameterizedTest
  @EnumSource
  void aRefusalIsToldExactlyOnceWhateverTheExecutorDoes(Fault fault) throws Exception {
    refuse(RateLimitRule.Side.CLIENT);
    List<Ending> endings = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      Ending ending = new Ending();
      endings.add(ending);
      channel
          .newCall(METHOD, CallOptions.DEFAULT.withExecutor(fault))
          .start(ending, new Metadata());
    }
    for (Ending e : endings) {
      assertThat(e.await()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    }
    CountDownLatch after = new CountDownLatch(1);
    POOL.getObject().execute(after::countDown);
    assertThat(after.await(20, TimeUnit.SECONDS)).isTrue();
    assertThat(endings).as("each was told once").allMatch(e -> e.statuses.isEmpty());
  }

  @Test
  void nothingIsUnderWayAfterACallEndedHoweverItDid() throws Exception {
    Instance instance =
        new Instance(
            "stock", "127.0.0.1", 1, null, null, null, Collections.emptyMap(), 100, "grpc");
    engine.apply(new RuleBook.Builder().instance(instance).build());
    assertThat(call(CallOptions.DEFAULT)).isEqualTo(Status.Code.OK);
    assertThat(instance.inFlight()).isZero();
    assertThat(call(CallOptions.DEFAULT.withDeadlineAfter(-1, TimeUnit.SECONDS)))
        .isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(instance.inFlight()).isZero();
    Ending ending = new Ending();
    ClientCall<String, String> cancelled = channel.newCall(METHOD, CallOptions.DEFAULT);
    cancelled.start(ending, new Metadata());
    assertThat(instance.inFlight()).isEqualTo(1);
    cancelled.cancel("as asked", null);
    assertThat(ending.await()).isEqualTo(Status.Code.CANCELLED);
    assertThat(instance.inFlight()).isZero();
    server.shutdownNow().awaitTermination();
    assertThat(call(CallOptions.DEFAULT)).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(instance.inFlight()).isZero();
  }

  @Test
  void aServersRulesSeeTheTagsOfTheCall() throws Exception {
    engine.apply(new RuleBook.Builder().add(noneInLane("x")).build());
    assertThat(call(CallOptions.DEFAULT, baggage("lane=x")))
        .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(call(CallOptions.DEFAULT, baggage("lane=y"))).isEqualTo(Status.Code.OK);
    assertThat(call(CallOptions.DEFAULT)).isEqualTo(Status.Code.OK);
    assertThat(handled).hasValue(2);
  }

  @Test
  void afterwardsTheThreadHasTheColourItHadBefore() {
    RateLimitRule throwing =
        RateLimitRule.builder().id("throws").service("stock").qps(0).match(THROWS).build();
    Colour own = Colour.received(0, 5, "user", "u");
    Colour before = Colour.swap(own);
    try {
      engine.apply(new RuleBook.Builder().add(noneInLane("x")).build());
      assertThat(new Served().intercept(baggage("lane=x")).closed).as("refused").isNotNull();
      assertThat(Colour.current()).isSameAs(own);
      assertThat(new Served().intercept(baggage("lane=y")).handled).as("admitted").isNotNull();
      assertThat(Colour.current()).isSameAs(own);
      engine.apply(new RuleBook.Builder().add(noneInLane("x")).add(throwing).build());
      Served failedOpen = new Served();
      assertThat(failedOpen.intercept(baggage("lane=y")).handled).isSameAs(failedOpen);
      assertThat(Colour.current()).isSameAs(own);
    } finally {
      Colour.swap(before);
    }
  }

  @Test
  void aCallIsPassedOnAsItCameBeforeTheFirstRuleAndUnderTheKillSwitch() {
    Served before = new Served();
    assertThat(before.intercept(baggage("lane=x")).handled).isSameAs(before);
    engine.apply(new RuleBook.Builder().add(noneInLane("x")).off(true).build());
    Served off = new Served();
    assertThat(off.intercept(baggage("lane=x")).handled).isSameAs(off);
    engine.apply(new RuleBook.Builder().add(noneInLane("x")).build());
    Served governed = new Served();
    assertThat(governed.intercept(baggage("lane=y")).handled).isNotNull().isNotSameAs(governed);
  }

  /** Nobody would end its decision, and what was taken for it would never be given back. */
  @Test
  void aCallIsNotDecidedWhenTheFirstRuleOfItsServiceArrivesWhileItsTagsAreRead() {
    engine.apply(
        new RuleBook.Builder()
            .add(
                RouteRule.builder()
                    .service("other")
                    .hashOn(Attribute.parse("header:x-user"))
                    .build())
            .build());
    assertThat(engine.governsInbound()).isFalse();
    Runnable ruleArrives =
        () ->
            engine.apply(
                new RuleBook.Builder()
                    .add(RateLimitRule.builder().service("stock").maxConcurrent(1).build())
                    .build());
    assertThat(new Served().intercept(headerThatWhenRead(ruleArrives)).handled).isNotNull();
    assertThat(engine.governsInbound()).as("it arrived").isTrue();
    assertThat(new Served().intercept(new Metadata()).handled).as("the only slot").isNotNull();
    assertThat(new Served().intercept(new Metadata()).closed).as("no other").isNotNull();
  }

  /** Has a header {@code x-user} that runs a task when its value is read for the first time. */
  private static Metadata headerThatWhenRead(Runnable task) {
    Object value =
        InternalMetadata.parsedValue(
            new Metadata.BinaryStreamMarshaller<String>() {
              @Override
              public InputStream toStream(String text) {
                task.run();
                return new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII));
              }

              @Override
              public String parseStream(InputStream stream) {
                throw new UnsupportedOperationException();
              }
            },
            "u");
    return InternalMetadata.newMetadataWithParsedValues(
        1, new Object[] {"x-user".getBytes(StandardCharsets.US_ASCII), value});
  }

  private static Metadata baggage(String value) {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("baggage", Metadata.ASCII_STRING_MARSHALLER), value);
    return headers;
  }

  private static RateLimitRule noneInLane(String lane) {
    return RateLimitRule.builder()
        .service("stock")
        .qps(0)
        .match(MatchParser.parse("tag:lane == '" + lane + "'"))
        .build();
  }

  /** A call that arrives at a server's gate on this thread, and what became of it. */
  private final class Served extends ServerCall<String, String> {
    /** The call that the application's handler got; null: none. */
    ServerCall<String, String> handled;

    Status.Code closed;

    Served intercept(Metadata headers) {
      new ServerGate(engine, POOL)
          .interceptCall(
              this,
              headers,
              (call, h) -> {
                handled = call;
                return new ServerCall.Listener<String>() {};
              });
      return this;
    }

    @Override
    public void close(Status status, Metadata trailers) {
      closed = status.getCode();
    }

    @Override
    public void request(int messages) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(String message) {}

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public MethodDescriptor<String, String> getMethodDescriptor() {
      return METHOD;
    }
  }

  private void refuse(RateLimitRule.Side side) {
    engine.apply(
        new RuleBook.Builder()
            .add(RateLimitRule.builder().id("none").service("stock").side(side).qps(0).build())
            .build());
  }

  private Status.Code call(CallOptions options) throws Exception {
    return call(options, new Metadata());
  }

  private Status.Code call(CallOptions options, Metadata headers) throws Exception {
    Ending ending = new Ending();
    ClientCall<String, String> call = channel.newCall(METHOD, options);
    call.start(ending, headers);
    call.request(2);
    call.sendMessage("hi");
    call.halfClose();
    return ending.await();
  }

  private ServerCall.Listener<String> answer(ServerCall<String, String> call) {
    handled.incrementAndGet();
    call.request(1);
    call.sendHeaders(new Metadata());
    return new ServerCall.Listener<String>() {
      @Override
      public void onHalfClose() {
        call.sendMessage("yes");
        call.close(Status.OK, new Metadata());
      }
    };
  }

  private static final MatchExpression THROWS =
      new MatchExpression() {
        @Override
        public <C> boolean test(AttributeSource<C> source, C call) {
          throw new AssertionError("planted");
        }
      };

  private static final class Ending extends ClientCall.Listener<String> {
    final BlockingQueue<Status.Code> statuses = new ArrayBlockingQueue<>(8);
    volatile Thread thread;

    @Override
    public void onClose(Status status, Metadata trailers) {
      thread = Thread.currentThread();
      statuses.add(status.getCode());
    }

    Status.Code await() throws InterruptedException {
      return statuses.poll(20, TimeUnit.SECONDS);
    }
  }

  private static final class Text implements MethodDescriptor.Marshaller<String> {
    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String parse(InputStream stream) {
      try {
        return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      } catch (java.io.IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
