package io.weir.instrumentation.okhttp.adapter;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okio.AsyncTimeout;
import org.jspecify.annotations.Nullable;

/**
 * A routing rule's {@code timeout_ms}: cancels the call when its time is up, answer's body
 * included. Runs on the watchdog thread OkHttp keeps for its own timeouts.
 */
final class Deadline extends AsyncTimeout {
  private final Call call;
  private final long nanos;
  private boolean stopped;
  private boolean exceeded;

  private Deadline(Call call, long nanos) {
    this.call = call;
    this.nanos = nanos;
  }

  /** Null when there is none, or when OkHttp (before 3.9) does not tell the call. */
  static @Nullable Deadline start(long nanos, @Nullable Call call) {
    if (nanos <= 0 || call == null) {
      return null;
    }
    Deadline d = new Deadline(call, nanos);
    d.timeout(nanos, TimeUnit.NANOSECONDS);
    d.enter();
    return d;
  }

  @Override
  protected void timedOut() {
    call.cancel();
  }

  /** Stops the clock; true when the time had been up. */
  synchronized boolean over() {
    if (!stopped) {
      stopped = true;
      exceeded = exit();
    }
    return exceeded;
  }

  /** What the caller gets for what OkHttp threw. */
  IOException exceeded(IOException thrown) {
    InterruptedIOException e =
        new InterruptedIOException(
            "timeout: the route allows " + TimeUnit.NANOSECONDS.toMillis(nanos) + " ms");
    e.initCause(thrown);
    return e;
  }
}
