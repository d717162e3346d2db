package io.weir.instrumentation.urlconnection.adapter;

import io.weir.bootstrap.Instead;
import io.weir.bootstrap.Skip;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.ClientGate;
import io.weir.instrumentation.api.client.CurrentCall;
import io.weir.instrumentation.api.client.TrackedInputStream;
import io.weir.instrumentation.api.common.WeakTable;
import io.weir.instrumentation.urlconnection.adapter.RouteHook.Destination;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.ref.WeakReference;
import java.net.HttpRetryException;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.Socket;
import java.net.URL;
import org.jspecify.annotations.Nullable;

/**
 * A governed call of a connection, which is found by the connection from its decision until its
 * answer is there: the application may make it in steps ({@code connect}, {@code getOutputStream},
 * {@code getInputStream}).
 *
 * <p>A connection that is dropped in between ends its call when it is collected. So the call does
 * not keep its connection alive.
 */
final class UrlCall extends WeakReference<HttpURLConnection> {
  /** Connections in between two steps; an application has as many as requests under way. */
  private static final int MOST = 16_384;

  private static final WeakTable<HttpURLConnection, UrlCall> CALLS =
      new WeakTable<HttpURLConnection, UrlCall>(MOST, UrlCall::abandon);

  private final ClientCall<UrlRequest, UrlRequest> call;

  /** It is about to begin, or a step is under way, within which the JDK calls other steps. */
  private volatile boolean busy = true;

  private volatile boolean over;
  private volatile boolean cancelled;
  private volatile @Nullable Socket connecting;

  /** Where a rule sends it; null: where the application aimed it. */
  private @Nullable Destination destination;

  private boolean direct;
  private @Nullable Proxy ownProxy;

  private UrlCall(HttpURLConnection c, ClientCall<UrlRequest, UrlRequest> call) {
    super(c);
    this.call = call;
  }

  /** The call of a connection; null: none is under way. */
  static @Nullable UrlCall of(HttpURLConnection c) {
    return CALLS.get(c);
  }

  /** Calls whose connections were dropped give back what they hold. */
  static void sweep() {
    CALLS.sweep();
  }

  /**
   * Begins a call that was decided, up to the moment before it is sent.
   *
   * @return null: there are too many, and this one is not governed
   * @throws IOException it is refused so, or has ended while it waited
   */
  static @Nullable UrlCall begin(
      HttpURLConnection c, ClientCall<UrlRequest, UrlRequest> decided, UrlRequest request)
      throws IOException {
    UrlCall call = new UrlCall(c, decided);
    decided.handle(call);
    if (!CALLS.put(c, call)) {
      decided.abandon();
      ClientGate.failedOpen(new IllegalStateException("there are " + MOST + " open connections"));
      return null;
    }
    boolean sent = false;
    try {
      if (decided.waits()) {
        decided.waitForTurn();
      }
      decided.toSend();
      call.aim(c.getURL());
      decided.startDeadline();
      request.connection = null;
      sent = true;
    } finally {
      if (!sent) {
        call.over = true;
        CALLS.remove(c);
      }
    }
    return call;
  }

  private void aim(URL url) {
    try {
      destination = Destination.of(call.destination(), url);
      call.note(this);
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
    }
  }

  /** Whether it is about to begin, or one of its steps is under way. */
  boolean isBusy() {
    return busy;
  }

  boolean isCancelled() {
    return cancelled;
  }

  @Nullable Destination destination() {
    return destination;
  }

  /** The socket that is about to be connected; null: it is. */
  void connecting(@Nullable Socket socket) {
    connecting = socket;
  }

  /**
   * Makes a step: calls the woven method again, which runs as it is while the call is busy.
   *
   * @return an {@link Instead} for the woven method, or {@link Skip}
   */
  Object step(HttpURLConnection c, String method) {
    Object[] cell = CurrentCall.cell();
    ClientCall<?, ?> before = CurrentCall.swap(cell, call.isOnlyCounted() ? null : call);
    busy = true;
    try {
      switch (method) {
        case "connect":
          connect(c);
          return Skip.SKIP;
        case "output":
          return new Instead(output(c));
        default:
          return new Instead(input(c));
      }
    } catch (Throwable t) {
      return Instead.throwing(t);
    } finally {
      ownProxy(c);
      busy = false;
      CurrentCall.swap(cell, before);
    }
  }

  private void connect(HttpURLConnection c) throws IOException {
    try {
      c.connect();
    } catch (Throwable t) {
      release(c);
      throwLate(failed(t));
      throw t;
    }
  }

  private OutputStream output(HttpURLConnection c) throws IOException {
    OutputStream out;
    try {
      out = c.getOutputStream();
    } catch (Throwable t) {
      int status = ConnectionState.status(c);
      if (status >= 300) { // instead of "100 Continue"
        CALLS.remove(c);
        answered(c, status, null);
      } else {
        release(c);
        throwLate(failed(t));
      }
      throw t;
    }
    return ConnectionState.streams(c) ? new TrackedOutputStream(out) : out;
  }

  private InputStream input(HttpURLConnection c) throws IOException {
    InputStream in;
    try {
      in = c.getInputStream();
    } catch (Throwable t) {
      CALLS.remove(c); // it will not be made again: the JDK remembers what it threw
      // in streaming mode the JDK cannot follow a redirect or authenticate
      boolean retry = t instanceof HttpRetryException;
      int status = retry ? ((HttpRetryException) t).responseCode() : ConnectionState.status(c);
      if (status >= 300) {
        // the status says all, and few read the body of an error: nobody waits for its end
        answered(c, status, call.hasDeadline() && !retry ? ConnectionState.openBody(c) : null);
      } else {
        IOException late = failed(t);
        if (late != null) {
          ConnectionState.remember(c, late);
        }
        throwLate(late);
      }
      throw t;
    }
    CALLS.remove(c);
    InputStream body = ConnectionState.openBody(c);
    // a ResponseCache answers with a stream of its own
    InputStream tracked = answered(c, c.getResponseCode(), body == in ? body : null);
    return tracked == null ? in : tracked;
  }

  /** The connection is as it was before this call: its next step begins another one. */
  private static void release(HttpURLConnection c) {
    CALLS.remove(c);
    ConnectionState.hasNotBegun(c);
  }

  private static void throwLate(@Nullable IOException late) throws IOException {
    if (late != null) {
      throw late;
    }
  }

  /**
   * The answer is there.
   *
   * @param body null: it has none, or nobody need wait for its end
   * @return the body as the application is to read it; null: as it is
   */
  private @Nullable InputStream answered(
      HttpURLConnection c, int status, @Nullable InputStream body) {
    over = true;
    try {
      UrlRequest last = new UrlRequest(c, false); // after redirects it may have another URL
      last.status = status > 0 ? status : 200; // a ResponseCache need not tell
      if (call.awaitsBody(last, last, body != null) && body != null) {
        InputStream tracked = new TrackedInputStream(body, call);
        ConnectionState.body(c, tracked);
        call.watch();
        return tracked;
      }
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
      call.endedAtOnce();
    }
    return null;
  }

  private @Nullable IOException failed(Throwable t) {
    over = true;
    return call.failed(t);
  }

  private void abandon() {
    if (!over) {
      over = true;
      call.abandon();
    }
  }

  /** The application disconnects: that ends a wait or a step that is under way. */
  void disconnected(HttpURLConnection c) {
    if (busy) {
      cancelled = true;
    } else {
      release(c);
      abandon();
    }
  }

  /** The time that a route allows is up. */
  void close() {
    try {
      Socket s = connecting;
      if (s != null) {
        s.close();
      }
      HttpURLConnection c = get();
      if (c != null) {
        ConnectionState.close(c);
      }
    } catch (Throwable t) {
      ClientGate.failedOpen(t);
    }
  }

  /**
   * The JDK is about to connect, for the first time or after a redirect. To an instance there is no
   * proxy: the registry's addresses are for direct connections.
   */
  void connects(HttpURLConnection c) {
    Destination d = destination;
    if (d == null) {
      return;
    }
    if (!d.isAimed(c.getURL().getHost(), UrlRequest.port(c.getURL()))) {
      ownProxy(c);
    } else if (!direct) {
      direct = true;
      ownProxy = ConnectionState.proxy(c);
      ConnectionState.proxy(c, Proxy.NO_PROXY);
    }
  }

  private void ownProxy(HttpURLConnection c) {
    if (direct) {
      direct = false;
      ConnectionState.proxy(c, ownProxy);
    }
  }

  /** The body of a request that is sent while it is written. */
  private final class TrackedOutputStream extends FilterOutputStream {
    TrackedOutputStream(OutputStream out) {
      super(out);
    }

    private IOException writingFailed(IOException e) {
      HttpURLConnection c = get();
      if (c != null) {
        CALLS.remove(c); // its answer may still be asked for, and is no other call
      }
      IOException late = failed(e);
      return late == null ? e : late;
    }

    @Override
    public void write(int b) throws IOException {
      try {
        out.write(b);
      } catch (IOException e) {
        throw writingFailed(e);
      }
    }

    @Override
    public void write(byte[] b, int from, int n) throws IOException {
      try {
        out.write(b, from, n);
      } catch (IOException e) {
        throw writingFailed(e);
      }
    }

    @Override
    public void flush() throws IOException {
      try {
        out.flush();
      } catch (IOException e) {
        throw writingFailed(e);
      }
    }

    @Override
    public void close() throws IOException {
      try {
        out.close();
      } catch (IOException e) {
        throw writingFailed(e);
      }
    }
  }
}
