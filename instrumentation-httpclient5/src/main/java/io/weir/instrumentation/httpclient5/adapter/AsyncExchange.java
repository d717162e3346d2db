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
 * A call of an asynchronous client: stands between the library and the producer of the request, the
 * consumer of the answer and the callback that the application handed over.
 *
 * <p><b>When.</b> The producer hands the request out while the library's method runs, and there the
 * call is decided, once, above retries and redirects. A call that waits is handed to the library
 * later, by one of {@link PacedThreads}. A refused one never is: the application's consumer is fed
 * with the refusal, once the future that it completes is known.
 *
 * <p><b>Its end.</b> What the consumer is told about the body, and, where the call fails or is
 * cancelled, the callback, which is called once, always. A route's deadline cancels the future; the
 * callback is then told of a failure, and so is who waits for the future ({@link Told}).
 */
final class AsyncExchange<T> implements CancellableDependency {
  /** Of the context that an exchange carries from thread to thread. */
  static final String KEY = "io.weir.exchange";

  private final ClientGate<HttpRequest, HttpResponse> gate;
  private final @Nullable HttpHost target;
  private final AsyncRequestProducer producer;
  private final AsyncResponseConsumer<T> consumer;
  private final HttpContext context;
  private final @Nullable FutureCallback<T> callback;

  /** Cancels, on a thread where the application may be called. */
  private final Runnable cancelling;

  /** The application's; written before the call is. */
  private @Nullable HttpRequest asked;

  private volatile @Nullable ClientCall<HttpRequest, HttpResponse> call;
  private volatile @Nullable Paced waiting;
  private volatile boolean cancelled;
  private volatile @Nullable Destination destination;

  /** What takes its connections. */
  private volatile @Nullable AsyncExecRuntime runtime;

  /** What the application's producer threw. */
  private volatile @Nullable Exception own;

  // guarded by this
  private @Nullable BasicFuture<T> future;
  private @Nullable Runnable whenReturned;

  /**
   * @param arguments target, producer, consumer, context, callback; those of them that the library
   *     is to get instead are put in their places
   */
  @SuppressWarnings("unchecked") // as the library declares them
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

  private void whenReturned(WithFuture<T> todo) {
    BasicFuture<T> f;
    synchronized (this) {
      f = future;
      if (f == null) {
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

  @SuppressWarnings("NullAway") // asked once it is
  private synchronized BasicFuture<T> known() {
    return future;
  }

  /**
   * The library's method returns.
   *
   * @return the future for the application
   */
  @SuppressWarnings("unchecked") // both kinds of client return one
  @Nullable Object returned(@Nullable Object result) {
    Runnable todo;
    synchronized (this) {
      future = (BasicFuture<T>) result;
      todo = whenReturned;
      whenReturned = null;
    }
    if (todo != null) {
      todo.run();
    }
    ClientCall<?, ?> c = call;
    return c != null && (c.hasDeadline() || waiting != null) && result != null
        ? new Told((Future<T>) result)
        : result;
  }

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
      if (paced.begin(pacer, 0)) {
        if (cancelled) {
          paced.cancel();
        }
        return;
      }
    } else if (made.waits()) {
      made.waitForTurn();
    }
    send(channel, request, details, given, made);
  }

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

  private void release() {
    try {
      consumer.releaseResources();
    } finally {
      producer.releaseResources();
    }
  }

  private void resume(
      RequestChannel channel,
      HttpRequest request,
      @Nullable EntityDetails details,
      HttpContext given,
      ClientCall<HttpRequest, HttpResponse> made) {
    try {
      send(channel, request, details, given, made);
    } catch (Throwable t) {
      Exception told = t instanceof Exception ? (Exception) t : new IllegalStateException(t);
      whenReturned(
          f -> {
            f.failed(told);
            release();
          });
    }
  }

  /** A call that waits for its turn, of which the library has not heard yet. */
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

    /** The future was cancelled, and with it the application told. */
    @Override
    protected void over(End how) {
      release();
    }

    @Override
    protected void cannotWait(Throwable why) {
      ClientGate.failedOpen(why);
    }
  }

  // ---- found in the context

  /**
   * A connection is taken, or the way to one is planned.
   *
   * @param by what takes it; null: nothing does
   * @return where the call is sent; null: where it was aimed
   */
  @Nullable Destination connects(@Nullable Object by) {
    if (by instanceof AsyncExecRuntime) {
      runtime = (AsyncExecRuntime) by;
    }
    return destination;
  }

  /**
   * A route's time is up. Over a connection that is used again, the library goes on with what was
   * cancelled (5.0 to 5.6), for as long as the target likes; so its connection is closed, too, but
   * not one of HTTP/2, which others use.
   */
  private void expire(BasicFuture<T> f) {
    f.cancel(true);
    AsyncExecRuntime r = runtime;
    ProtocolVersion v = context.getProtocolVersion();
    if (r != null && (v == null || v.lessEquals(HttpVersion.HTTP_1_1))) {
      r.discardEndpoint();
    }
  }

  // ---- the handle of the call

  @Override
  public void setDependency(Cancellable dependency) {}

  @Override
  public boolean isCancelled() {
    return cancelled;
  }

  /** A route's time is up. */
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
        own = e;
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
      } catch (IOException | RuntimeException theApplicationsOwn) {
        c.ended(number);
        throw theApplicationsOwn;
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

  /** What the application is to be told for a failure. */
  private Exception ended(Exception cause) {
    ClientCall<HttpRequest, HttpResponse> c = call;
    IOException late =
        c == null ? null : c.failed(cause == own ? new IllegalStateException(cause) : cause);
    return late == null ? cause : late;
  }

  /** The future is cancelled: whether it was because the route's time was up. */
  private @Nullable IOException late() {
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
      Exception told = ended(cause);
      if (callback != null) {
        callback.failed(told);
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
      IOException late = late();
      if (callback != null && late != null) {
        callback.failed(late);
      } else if (callback != null) {
        callback.cancelled();
      }
    }
  }

  /** The library's future, which says so when the route's time was up. */
  private final class Told implements Future<T> {
    private final Future<T> of;

    Told(Future<T> of) {
      this.of = of;
    }

    @Override
    public boolean cancel(boolean interrupt) {
      return of.cancel(interrupt);
    }

    @Override
    public boolean isCancelled() {
      return of.isCancelled() && late() == null;
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
        throw told(e);
      }
    }

    @Override
    public T get(long timeout, TimeUnit unit)
        throws InterruptedException, ExecutionException, TimeoutException {
      try {
        return of.get(timeout, unit);
      } catch (CancellationException e) {
        throw told(e);
      }
    }

    private ExecutionException told(CancellationException cancelled) {
      IOException late = late();
      if (late == null) {
        throw cancelled;
      }
      return new ExecutionException(late);
    }
  }
}
