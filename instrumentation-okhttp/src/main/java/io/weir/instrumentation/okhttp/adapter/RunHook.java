package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Skip;
import io.weir.engine.call.CallDecision;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.ServicePlan;
import java.lang.reflect.Field;
import okhttp3.Call;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/**
 * An enqueued call gets its thread. If a rule that paces concerns it, it is decided here instead of
 * in {@link Governor}; if it has to wait, the thread goes back to where it came from.
 */
public final class RunHook extends Hook {
  private final Engine engine;

  /** {@code RealCall.client}, in every version; null when it must not be read. */
  private volatile @Nullable Field client;

  private volatile boolean clientKnown;

  public RunHook(Engine engine) {
    this.engine = engine;
  }

  /**
   * @param self OkHttp's {@code AsyncCall}, which the dispatcher's executor runs
   * @param a0 the call
   */
  @Override
  @SuppressWarnings("NullAway") // a0 is the call; a governor is found in a client only
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) throws Throwable {
    Call call = (Call) a0;
    Request request = call.request();
    ServicePlan plan = engine.plan(request.url().host(), request.url().port());
    if (plan == null || !plan.paces() || engine.pacer() == null || Decision.isFor(call)) {
      return null;
    }
    OkHttpClient derived = clientOf(call);
    Governor governor = derived == null ? null : Governor.of(derived);
    if (governor == null) {
      return null;
    }
    CallDecision ticket = engine.newDecision();
    Gate gate = governor.gate();
    Decision decision = new Decision(plan, call, gate.admits(plan, request, ticket), ticket);
    if (decision.admitted && ticket.waitNanos() > 0) {
      PacedRun paced =
          new PacedRun(gate, decision, (Runnable) self, derived.dispatcher().executorService());
      return paced.await(engine.pacer()) ? Skip.SKIP : null; // null: decided as if it were new
    }
    decision.bind();
    return decision;
  }

  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown) {
    if (state instanceof Decision && ((Decision) state).unbind()) {
      ((Decision) state).ticket.outcome().abandon(engine.now());
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
        Gate.failedOpen(strange);
      }
      clientKnown = true;
    }
    return client == null ? null : (OkHttpClient) client.get(call);
  }
}
