package io.weir.agent.weave;

/** Stands in the bridge's place, under its name, for woven classes whose calls are compared. */
public final class RecordingBridge {
  private RecordingBridge() {}

  public static int hook(String name) {
    return BridgeCalls.number(name);
  }

  public static Object enter(
      int hook, Class<?> origin, Object self, Object a0, Object a1, Object a2) {
    return BridgeCalls.enter("enter", hook, origin.getName(), self, a0, a1, a2);
  }

  public static Object exit(
      int hook, Class<?> origin, Object state, Object self, Object result, Throwable thrown) {
    return BridgeCalls.exit("exit", result, hook, origin.getName(), state, self, result, thrown);
  }

  public static Object leave(
      int hook, Class<?> origin, Object state, Object self, Object result, Throwable thrown) {
    return BridgeCalls.exit("leave", result, hook, origin.getName(), state, self, result, thrown);
  }

  public static Object instead(Object state, Object result) {
    return BridgeCalls.exit("instead", result, state, result);
  }

  public static Object orElse(Object replaced, Object result) {
    return replaced == null ? result : replaced;
  }
}
