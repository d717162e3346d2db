package org.example.parley.weir.adapter;

import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Colour;
import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Instead;
import io.weir.engine.call.CallDecision;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.common.RefusalView;
import java.util.concurrent.locks.LockSupport;
import org.example.parley.Reply;
import org.example.parley.Request;

/** A call that comes in: its traffic colour is the thread's as long as it is served. */
public final class ServeHook extends Hook {
  private final Engine engine;

  public ServeHook(Engine engine) {
    this.engine = engine;
  }

  private static final class Served {
    final CallDecision decision;
    final Colour before;

    Served(CallDecision decision, Colour before) {
      this.decision = decision;
      this.before = before;
    }
  }

  @Override
  public Object enter(Object self, Object a0, Object a1, Object a2) {
    if (!engine.governsInbound() && !engine.propagation().isActive()) {
      return null;
    }
    Request request = (Request) a0;
    CallDecision decision = engine.newDecision();
    Colour before = Colour.swap(engine.propagation().colour(ServedRequest.INSTANCE, request));
    boolean goesOn = false;
    try {
      if (!engine.inbound(ServedRequest.INSTANCE, request, decision)) {
        return new Instead(ParleyLibrary.reply(new RefusalView(decision)));
      }
      if (decision.waitNanos() > 0) {
        long due = engine.now() + decision.waitNanos();
        for (long left; (left = due - engine.now()) > 0; ) {
          LockSupport.parkNanos(left); // the thread is this call's alone
        }
        decision.outcome().started(engine.now());
      }
      goesOn = true;
      return new Served(decision, before);
    } catch (RuntimeException asking) {
      engine.failOpen(decision); // what was taken for the call goes back, and it passes
      throw asking;
    } finally {
      if (!goesOn) {
        Colour.swap(before);
      }
    }
  }

  @Override
  public Object exit(Object state, Object self, Object result, Throwable thrown) {
    if (state instanceof Instead) {
      return Bridge.instead(state, result);
    }
    Served served = (Served) state;
    Colour.swap(served.before);
    int status = thrown != null ? 500 : ParleyLibrary.status(((Reply) result).code());
    served.decision.outcome().endHttp(status, engine.now());
    return result;
  }
}
