package org.example.parley.weir.adapter;

import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Hook;
import io.weir.bootstrap.Instead;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.client.ClientCall;
import io.weir.instrumentation.api.client.ClientGate;
import io.weir.instrumentation.api.pacing.PacedWait;
import java.io.IOException;
import org.example.parley.Reply;
import org.example.parley.Request;

/** A call of a client: one decision before it, one outcome after it. */
public final class CallHook extends Hook {
  private final ClientGate<Request, Reply> gate;

  public CallHook(Engine engine) {
    gate = new ClientGate<>(engine, new ParleyLibrary(engine.service()));
  }

  @Override
  public Object enter(Object self, Object a0, Object a1, Object a2) {
    Request request = (Request) a0;
    ClientCall<Request, Reply> call = gate.decide(request, null);
    if (call == null) {
      gate.propagate(request); // Parley's requests can be changed
      return null;
    }
    if (!call.admitted()) {
      return new Instead(refused(call));
    }
    if (call.waits() && PacedWait.onThread(call, () -> false) != PacedWait.End.DUE) {
      return new Instead(new Reply(Reply.BUSY, "interrupted while waiting for a rate limit"));
    }
    call.note(call.toSend());
    return call;
  }

  private static Reply refused(ClientCall<Request, Reply> call) {
    try {
      return call.refusal();
    } catch (IOException ruleSaysThrow) {
      // a hook cannot throw into the application: Parley's callers know BUSY
      return new Reply(Reply.BUSY, ruleSaysThrow.getMessage());
    }
  }

  @Override
  @SuppressWarnings("unchecked")
  public Object exit(Object state, Object self, Object result, Throwable thrown) {
    if (state instanceof Instead) {
      return Bridge.instead(state, result);
    }
    ClientCall<Request, Reply> call = (ClientCall<Request, Reply>) state;
    if (thrown != null) {
      call.failed(thrown);
    } else {
      call.answered((Reply) result, (Request) call.note());
      call.endedAtOnce();
    }
    return result;
  }
}
