package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Colour;
import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Skip;
import io.weir.engine.call.Pacer;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.ClientGate;
import io.weir.instrumentation.api.client.CurrentCall;
import io.weir.instrumentation.api.pacing.HandOff;
import io.weir.instrumentation.api.pacing.PacedWait;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.reflect.Field;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * Called when the dispatcher's executor runs an enqueued call. If a rule may make the call wait,
 * the call is decided here instead of in {@link Governor}. If it has to wait, the thread goes back
 * to the executor.
 *
 * <p>This is also the hook of {@code Call.cancel()}, which ends such a wait.
 */
public final class RunHook extends Hook {
  private static final ConcurrentHashMap<Call, Paced> WAITING =
      new ConcurrentHashMap<Call, Paced>();

  /** {@code RealCall.client}, in every version; null when it must not be read. */
  private volatile @Nullable Field client;

  private volatile boolean clientKnown;

  public RunHook(Engine engine) {}

  /**
   * @param self OkHttp's {@code AsyncCall}, which the dispatcher's executor runs
   * @param a0 the call
   */
  @Override
  @SuppressWarnings("NullAway") // a0 is the call
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) throws Throwable {
    Call handle = (Call) a0;
    if (CurrentCall.isDecided(handle)) {
      return null;
    }
    OkHttpClient derived = clientOf(handle);
    Governor governor = derived == null ? null : Governor.of(derived);
    if (derived == null || governor == null) {
      return null;
    }
    ClientCall<Request, Response> call = governor.gate().decideIfPaced(handle.request(), handle);
    Pacer pacer = governor.gate().pacer();
    if (call == null || pacer == null) {
      return null;
    }
    if (call.admitted() && call.waits()) {
      Executor executor = derived.dispatcher().executorService();
      // null: the wait could not begin and the tokens were given back; Governor decides anew
      return new Paced(call, handle, (Runnable) self, executor).begins(pacer) ? Skip.SKIP : null;
    }
    CurrentCall.decide(call);
    return call;
  }

  /** With a state: the call has run. Without: the call was cancelled, {@code self} is the call. */
  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown) {
    if (state instanceof ClientCall) {
      CurrentCall.undecide((ClientCall<?, ?>) state);
    } else if (self instanceof Call) {
      Paced waiting = WAITING.get(self);
      if (waiting != null) {
        waiting.cancel();
      }
    }
    return result;
  }

  private @Nullable OkHttpClient clientOf(Call call) throws IllegalAccessException {
    if (!clientKnown) {
      try {
        Field f = call.getClass().getDeclaredField("client");
        f.setAccessible(true);
        client = f;
      } catch (Exception strange) {
        ClientGate.failedOpen(strange);
      }
      clientKnown = true;
    }
    return client == null ? null : (OkHttpClient) client.get(call);
  }

  /**
   * An enqueued call that waits for its turn. Its thread has gone back to the dispatcher's
   * executor; the call gets another thread there when its turn comes. For the dispatcher it is
   * running all the time, so the dispatcher's limits hold. For the application it has not begun: no
   * interceptor has run, and no event but {@code callStart} was sent.
   *
   * <p>If it is cancelled, or its call time-out passes, the call fails at once, in the interceptors
   * and on the executor, like any cancelled call. After the wait, it has what is left of its call
   * time-out. The application's callback is called exactly once.
   */
  private static final class Paced extends PacedWait {
    private final ClientCall<?, ?> call;
    private final Call handle;
    private final Runnable run;
    private final Executor executor;
    private final Colour colour = Colour.current();

    Paced(ClientCall<?, ?> call, Call handle, Runnable run, Executor executor) {
      super(call);
      this.call = call;
      this.handle = handle;
      this.run = run;
      this.executor = executor;
    }

    boolean begins(Pacer pacer) {
      WAITING.put(handle, this);
      boolean waits = begin(pacer, call.timeoutNanos());
      if (waits && call.isCancelled()) {
        cancel();
      }
      return waits;
    }

    @Override
    protected void due(long waitedNanos) {
      try {
        long timeout = call.timeoutNanos();
        if (timeout > 0) {
          handle.timeout().timeout(Math.max(1, timeout - waitedNanos), TimeUnit.NANOSECONDS);
        }
      } catch (Throwable t) {
        ClientGate.failedOpen(t);
      }
      resume();
    }

    @Override
    protected void over(End how) {
      call.failure(
          how == End.TIMED_OUT
              ? new InterruptedIOException("timeout")
              : new IOException("Canceled"));
      resume();
    }

    @Override
    protected void cannotWait(Throwable why) {
      WAITING.remove(handle, this);
      ClientGate.failedOpen(why);
    }

    /**
     * Runs the call on the executor. If that rejects it (full, shut down, out of threads), the call
     * fails on this thread.
     */
    private void resume() {
      WAITING.remove(handle, this);
      HandOff.to(
          executor,
          this::runCall,
          noThread -> {
            if (call.failure() == null) {
              InterruptedIOException rejected = new InterruptedIOException("executor rejected");
              rejected.initCause(noThread);
              call.failure(rejected);
              call.abandon();
            }
          });
    }

    private void runCall() {
      Colour before = Colour.swap(colour);
      CurrentCall.decide(call);
      try {
        run.run();
      } finally {
        CurrentCall.undecide(call);
        Colour.swap(before);
      }
    }
  }
}
