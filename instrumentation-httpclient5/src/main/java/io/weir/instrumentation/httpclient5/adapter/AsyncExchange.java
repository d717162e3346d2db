package io.weir.instrumentation.httpclient5.adapter;

import io.weir.engine.call.Pacer;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.ClientGate;
import io.weir.instrumentation.api.client.CurrentCall;
import io.weir.instrumentation.api.pacing.PacedThreads;
import io.weir.instrumentation.api.pacing.PacedWait;
import io.weir.instrumentation.httpclient5.adapter.HttpClient5Library.SentRequest;
import io.weir.instrumentation.httpclient5.adapter.RouteHook.Destination;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.hc.client5.http.async.AsyncExecRuntime;
import org.apache.hc.core5.concurrent.BasicFuture;
import org.apache.hc.core5.concurrent.Cancellable;
import org.apache.hc.core5.concurrent.CancellableDependency;
import org.apache.hc.core5.concurrent.FutureCallback;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.EntityDetails;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.HttpVersion;
import org.apache.hc.core5.http.ProtocolVersion;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.nio.AsyncRequestProducer;
import org.apache.hc.core5.http.nio.AsyncResponseConsumer;
import org.apache.hc.core5.http.nio.CapacityChannel;
import org.apache.hc.core5.http.nio.DataStreamChannel;
import org.apache.hc.core5.http.nio.RequestChannel;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.http.protocol.HttpCoreContext;
import org.jspecify.annotations.Nullable;

/**
 * A call of an asynchronous client. It stands between the library and what the application gave to
 * it: the producer of the request, the consumer of the response and the callback.
 *
 * <p><b>The decision.</b> The library asks the producer for the request while {@code doExecute}
 * runs. There the call is decided, once, before retries and redirects. A call that waits for its
 * turn is given to the library later, on one of {@link PacedThreads}. A refused call is never given
 * to it. Instead the application's consumer gets the refusal as a response, as soon as {@code
 * doExecute} has returned the future that the refusal completes.
 *
 * <p><b>The end.</b> This class's consumer sees how the body ends. Its callback sees whether the
 * call failed or was cancelled; the library's future calls it exactly once. Whichever comes first
 * records the outcome. When the time that a routing rule allows (its {@code timeout_ms}) is up, the
 * library's future is cancelled. The application must see a time-out instead, so its callback is
 * told of a failure, and its future throws one ({@link TimeoutFuture}).
 *
 * <p>In this package a <i>route</i> is the library's {@code HttpRoute}.
 *
 * <p><b>Threads.</b> The call is decided on the thread that calls {@code doExecute}. Consumer and
 * callback may be called on any thread: the library's, the caller's, or one of {@link
 * PacedThreads}. Any thread may cancel the future at any time.
 */
final class AsyncExchange<T> implements CancellableDependency {
  /**
   * Attribute of the library's context with this exchange. The context follows the exchange from
   * thread to thread, so {@link RouteHook} finds it there.
   */
  static final String KEY = "io.weir.exchange";

  private final ClientGate<HttpRequest, HttpResponse> gate;
  private final @Nullable HttpHost target;
  private final AsyncRequestProducer producer;
  private final AsyncResponseConsumer<T> consumer;
  private final HttpContext context;
  private final @Nullable FutureCallback<T> callback;

  /**
   * Cancels the future as soon as it is known. That runs the application's callback, so it must not
   * run on the pacer's thread.
   */
  private final Runnable cancelling;

  /** The application's request; written before {@link #call}, so readers of that see it. */
  private @Nullable HttpRequest asked;

  /** Null: not decided yet, no rule concerns it, or it was refused. */
  private volatile @Nullable ClientCall<HttpRequest, HttpResponse> call;

  /** The wait for the call's turn, also when it is over; null: there was none. */
  private volatile @Nullable Paced waiting;

  /** Whether the library's future was cancelled. */
  private volatile boolean cancelled;

  /** Where a rule sends the call; null: where the application sent it. */
  private volatile @Nullable Destination destination;

  /** The library's object that takes the connections of this exchange; null: none is known. */
  private volatile @Nullable AsyncExecRuntime runtime;

  /** What the application's producer threw: then the call's failure says nothing of the target. */
  private volatile @Nullable Exception thrownByProducer;

  // guarded by this

  /** Whether {@code doExecute} has returned or thrown. */
  private boolean returned;

  /** The library's future; null: not known yet, or {@code doExecute} threw. */
  private @Nullable BasicFuture<T> future;

  /** What is to be done with the future when it is known; null: nothing. */
  private @Nullable Runnable whenReturned;

  /**
   * @param arguments target, producer, consumer, context, callback; this replaces producer,
   *     consumer and callback by its own
   */
  @SuppressWarnings("unchecked") // the library declares them with the same T
  AsyncExchange(ClientGate<HttpRequest, HttpResponse> gate, Object[] arguments) {
    this.gate = gate;
    target = (HttpHost) arguments[0];
    producer = (AsyncRequestProducer) arguments[1];
    consumer = (AsyncResponseConsumer<T>) arguments[2];
    context = (HttpContext) arguments[3];
    callback = (FutureCallback<T>) arguments[4];
    cancelling = () -> whenReturned(this::expire);
    arguments[1] = new Producer();
    arguments[2] = new Consumer();
    arguments[4] = new Callback();
  }

  /** What is done with the library's future. */
  private interface WithFuture<T> {
    void with(BasicFuture<T> future);
  }

  /**
   * Runs this with the future: now if it is known, else when {@code doExecute} returns. When that
   * throws, it never runs.
   */
  private void whenReturned(WithFuture<T> todo) {
    BasicFuture<T> f;
    synchronized (this) {
      f = future;
      if (!returned) {
        Runnable before = whenReturned;
        whenReturned =
            () -> {
              if (before != null) {
                before.run();
              }
              todo.with(known());
            };
      }
    }
    if (f != null) {
      todo.with(f);
    }
  }

  @SuppressWarnings("NullAway") // called only when it is known
  private synchronized BasicFuture<T> known() {
    return future;
  }

  /**
   * {@code doExecute} returns.
   *
   * @param result the library's future; null: it threw
   * @return the future for the application
   */
  @SuppressWarnings("unchecked") // every client returns a BasicFuture<T>
  @Nullable Object returned(@Nullable Object result) {
    Runnable todo;
    synchronized (this) {
      returned = true;
      future = (BasicFuture<T>) result;
      todo = whenReturned;
      whenReturned = null;
    }
    if (todo != null && result != null) {
      todo.run();
    } else if (todo != null) {
      release(); // the library threw, and has not got the call
    }
    ClientCall<?, ?> c = call;
    // a call that waits gets its deadline later, when it is sent
    return c != null && (c.hasDeadline() || waiting != null) && result != null
        ? new TimeoutFuture((Future<T>) result)
        : result;
  }

  /** Gives the request to the library, on this thread. */
  private void send(
      RequestChannel channel,
      HttpRequest request,
      @Nullable EntityDetails details,
      HttpContext given,
      ClientCall<HttpRequest, HttpResponse> made)
      throws HttpException, IOException {
    HttpRequest sent = made.toSend();
    try {
      destination = Destination.of(made.destination(), target, request);
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
    }
    made.startDeadline();
    if (destination != null || made.hasDeadline()) {
      // RouteHook finds it by the thread while sendRequest runs, then by the context
      made.note(this);
      context.setAttribute(KEY, this);
    }
    Object[] cell = CurrentCall.cell();
    ClientCall<?, ?> before = CurrentCall.swap(cell, made.isOnlyCounted() ? null : made);
    try {
      channel.sendRequest(sent, details, given);
    } catch (Throwable t) {
      IOException late = made.failed(t);
      if (late != null) {
        throw late;
      }
      throw t;
    } finally {
      CurrentCall.swap(cell, before);
    }
  }

  /** The producer has handed out the request: decides the call, and sends it unless it waits. */
  private void decide(
      RequestChannel channel,
      HttpRequest request,
      @Nullable EntityDetails details,
      HttpContext given)
      throws HttpException, IOException {
    HttpClient5Library.complete(request, target);
    ClientCall<HttpRequest, HttpResponse> made = gate.decide(request, this);
    if (made == null) {
      channel.sendRequest(gate.propagate(request), details, given);
      return;
    }
    if (!made.admitted()) {
      whenReturned(f -> refuse(made, f));
      return;
    }
    asked = request;
    call = made;
    Pacer pacer = gate.pacer();
    if (made.waits() && pacer != null) {
      Paced paced = new Paced(made, () -> resume(channel, request, details, given, made));
      waiting = paced;
      if (paced.begin(pacer, 0)) { // 0: the library's own time-outs do not run yet
        if (cancelled) {
          paced.cancel(); // it was cancelled before waiting was set: the callback saw no wait
        }
        return;
      }
      // the pacer failed and the tokens were given back: the call goes on ungoverned
    } else if (made.waits()) {
      made.waitForTurn(); // this JVM has no pacer: the caller's thread waits
    }
    send(channel, request, details, given, made);
  }

  /** Gives the refusal to the application's consumer, as the library would a response. */
  private void refuse(ClientCall<HttpRequest, HttpResponse> refused, BasicFuture<T> f) {
    try {
      ClassicHttpResponse answer = (ClassicHttpResponse) refused.refusal();
      HttpEntity body = answer.getEntity();
      consumer.consumeResponse(
          answer,
          body,
          context,
          new FutureCallback<T>() {
            @Override
            public void completed(T result) {
              f.completed(result);
            }

            @Override
            public void failed(Exception e) {
              f.failed(e);
            }

            @Override
            public void cancelled() {
              f.cancel(true);
            }
          });
      if (body != null) {
        consumer.updateCapacity(increment -> {});
        consumer.consume(ByteBuffer.wrap(EntityUtils.toByteArray(body)));
        consumer.streamEnd(null);
      }
    } catch (Exception e) {
      consumer.failed(e);
      f.failed(e);
    } finally {
      release();
    }
  }

  /**
   * Releases consumer and producer of a call that the library has not got, because then the library
   * does not.
   */
  private void release() {
    try {
      consumer.releaseResources();
    } finally {
      producer.releaseResources();
    }
  }

  /** The call's turn has come. */
  private void resume(
      RequestChannel channel,
      HttpRequest request,
      @Nullable EntityDetails details,
      HttpContext given,
      ClientCall<HttpRequest, HttpResponse> made) {
    try {
      send(channel, request, details, given, made);
    } catch (Throwable t) {
      Exception failure = t instanceof Exception ? (Exception) t : new IllegalStateException(t);
      whenReturned(
          f -> {
            f.failed(failure);
            release();
          });
    }
  }

  /** The wait of a call for its turn. The library has not got the request yet. */
  private final class Paced extends PacedWait {
    private final Runnable resume;

    Paced(ClientCall<?, ?> call, Runnable resume) {
      super(call);
      this.resume = PacedThreads.handingOver(resume);
    }

    @Override
    protected void due(long waitedNanos) {
      resume.run();
    }

    /**
     * The future was cancelled, so the application knows that already. (The wait has no time-out of
     * its own.)
     */
    @Override
    protected void over(End how) {
      release();
    }

    @Override
    protected void cannotWait(Throwable why) {
      ClientGate.failedOpen(why);
    }
  }

  // ---- for RouteHook

  /**
   * Where a rule sends the call; null: where the application sent it. Keeps what takes the
   * connection, for {@link #expire}.
   *
   * @param connecting the library's object that takes the connection; null: none is taken yet
   */
  @Nullable Destination destinationFor(@Nullable Object connecting) {
    if (connecting instanceof AsyncExecRuntime) {
      runtime = (AsyncExecRuntime) connecting;
    }
    return destination;
  }

  /**
   * The routing rule's time is up. On a reused connection the library goes on with a cancelled
   * exchange (5.0 to 5.6), until the target answers. So the connection is closed, too. One of
   * HTTP/2 is not, since other exchanges use it.
   */
  private void expire(BasicFuture<T> f) {
    f.cancel(true);
    AsyncExecRuntime r = runtime;
    ProtocolVersion v = context.getProtocolVersion();
    if (r != null && (v == null || v.lessEquals(HttpVersion.HTTP_1_1))) {
      r.discardEndpoint();
    }
  }

  // ---- the handle of the call; see HttpClient5Library

  /** Never called: only the library would, and it never gets this object. */
  @Override
  public void setDependency(Cancellable dependency) {}

  @Override
  public boolean isCancelled() {
    return cancelled;
  }

  /**
   * The routing rule's time is up. Called on the pacer's thread, so another thread does the work.
   */
  @Override
  public boolean cancel() {
    PacedThreads.handingOver(cancelling).run();
    return true;
  }

  // ---- what the library gets

  private final class Producer implements AsyncRequestProducer {
    @Override
    public void sendRequest(RequestChannel channel, HttpContext given)
        throws HttpException, IOException {
      producer.sendRequest(
          (request, details, c) -> {
            // null: the library throws for it. SentRequest: an outer client has decided the call
            if (request == null || request instanceof SentRequest) {
              channel.sendRequest(request, details, c);
            } else {
              decide(channel, request, details, c);
            }
          },
          given);
    }

    @Override
    public boolean isRepeatable() {
      return producer.isRepeatable();
    }

    @Override
    public void failed(Exception cause) {
      producer.failed(cause);
    }

    @Override
    public int available() {
      return producer.available();
    }

    @Override
    public void produce(DataStreamChannel channel) throws IOException {
      try {
        producer.produce(channel);
      } catch (IOException | RuntimeException e) {
        thrownByProducer = e;
        throw e;
      }
    }

    @Override
    public void releaseResources() {
      producer.releaseResources();
    }
  }

  private final class Consumer implements AsyncResponseConsumer<T> {
    /** The call whose body is watched; one thread at a time. */
    private @Nullable ClientCall<HttpRequest, HttpResponse> watched;

    /** The number of the body that is watched; see {@code BodyTracker.opened}. */
    private int number;

    @Override
    public void consumeResponse(
        HttpResponse answer,
        @Nullable EntityDetails details,
        HttpContext given,
        FutureCallback<T> result)
        throws HttpException, IOException {
      ClientCall<HttpRequest, HttpResponse> c = call;
      if (c != null) {
        // after a redirect or an authentication it is another request than the application's
        HttpRequest last = (HttpRequest) context.getAttribute(HttpCoreContext.HTTP_REQUEST);
        last = last == null ? asked : last;
        if (last != null && c.awaitsBody(answer, last, details != null)) {
          number = c.opened();
          watched = c;
          c.watch();
        }
      }
      consumer.consumeResponse(answer, details, given, result);
    }

    @Override
    public void informationResponse(HttpResponse answer, HttpContext given)
        throws HttpException, IOException {
      consumer.informationResponse(answer, given);
    }

    @Override
    public void updateCapacity(CapacityChannel channel) throws IOException {
      consumer.updateCapacity(channel);
    }

    @Override
    public void consume(ByteBuffer bytes) throws IOException {
      ClientCall<HttpRequest, HttpResponse> c = watched;
      if (c == null) {
        consumer.consume(bytes);
        return;
      }
      c.reads();
      try {
        consumer.consume(bytes);
      } catch (IOException | RuntimeException ofTheApplication) {
        c.ended(number); // not a failure of the target
        throw ofTheApplication;
      } finally {
        c.hasRead();
      }
    }

    @Override
    public void streamEnd(@Nullable List<? extends Header> trailers)
        throws HttpException, IOException {
      ClientCall<HttpRequest, HttpResponse> c = watched;
      if (c != null) {
        c.ended(number);
      }
      consumer.streamEnd(trailers);
    }

    @Override
    public void failed(Exception cause) {
      ended(cause);
      consumer.failed(cause);
    }

    @Override
    public void releaseResources() {
      consumer.releaseResources();
    }
  }

  /**
   * The call has failed.
   *
   * @return what the application gets: {@code cause}, or a time-out if the rule's time was up
   */
  private Exception ended(Exception cause) {
    ClientCall<HttpRequest, HttpResponse> c = call;
    IOException late =
        // what the application's producer threw is no failure of the target: FailureTable takes
        // what
        // is no IOException for the caller's own
        c == null
            ? null
            : c.failed(cause == thrownByProducer ? new IllegalStateException(cause) : cause);
    return late == null ? cause : late;
  }

  /**
   * The future was cancelled: records this as the call's outcome, unless it has one. A thread in
   * {@code get} may come here before the library calls the callback.
   *
   * @return the time-out if the routing rule's time was up; null: the application cancelled
   */
  private @Nullable IOException endCancelled() {
    cancelled = true;
    ClientCall<HttpRequest, HttpResponse> c = call;
    return c == null ? null : c.failed(new IOException("Canceled"));
  }

  private final class Callback implements FutureCallback<T> {
    @Override
    public void completed(T result) {
      context.removeAttribute(KEY);
      if (callback != null) {
        callback.completed(result);
      }
    }

    @Override
    public void failed(Exception cause) {
      context.removeAttribute(KEY);
      Exception failure = ended(cause);
      if (callback != null) {
        callback.failed(failure);
      }
    }

    @Override
    public void cancelled() {
      cancelled = true;
      context.removeAttribute(KEY);
      Paced w = waiting;
      if (w != null) {
        w.cancel();
      }
      IOException late = endCancelled();
      if (callback != null && late != null) {
        callback.failed(late);
      } else if (callback != null) {
        callback.cancelled();
      }
    }
  }

  /** The library's future. When the rule's time was up it fails by that, and is not cancelled. */
  private final class TimeoutFuture implements Future<T> {
    private final Future<T> of;

    TimeoutFuture(Future<T> of) {
      this.of = of;
    }

    @Override
    public boolean cancel(boolean interrupt) {
      return of.cancel(interrupt);
    }

    @Override
    public boolean isCancelled() {
      return of.isCancelled() && endCancelled() == null;
    }

    @Override
    public boolean isDone() {
      return of.isDone();
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
      try {
        return of.get();
      } catch (CancellationException e) {
        throw timeoutOf(e);
      }
    }

    @Override
    public T get(long timeout, TimeUnit unit)
        throws InterruptedException, ExecutionException, TimeoutException {
      try {
        return of.get(timeout, unit);
      } catch (CancellationException e) {
        throw timeoutOf(e);
      }
    }

    /** The time-out for {@code get}; throws {@code cancellation} if there was none. */
    private ExecutionException timeoutOf(CancellationException cancellation) {
      IOException late = endCancelled();
      if (late == null) {
        throw cancellation;
      }
      return new ExecutionException(late);
    }
  }
}
