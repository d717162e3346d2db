package io.weir.instrumentation.servlet.adapter;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.server.ServerCall;
import java.lang.reflect.Method;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A paced request comes back to Jetty as an asynchronous dispatch; here it becomes one of type
 * {@code REQUEST} again. Reflection, because this happens to such requests only, and two APIs in
 * five packages agree on these public methods.
 */
public final class JettyReturnHook extends Hook {
  /** Of {@code ServletHook}, in either name space. */
  private static final String MARK = "io.weir.call";

  public JettyReturnHook(Engine engine) {}

  /** Jetty 9.4 to 11, and ee8 and ee9 of 12: {@code handleAsync(HttpChannel)}. */
  @Override
  public @Nullable Object enter(
      Object self, @Nullable Object channel, @Nullable Object a1, @Nullable Object a2)
      throws Throwable {
    Object request = call(Objects.requireNonNull(channel), "getRequest");
    if (request != null && isReturning(request)) {
      for (Method m : request.getClass().getMethods()) {
        if (m.getName().equals("setDispatcherType")) {
          m.invoke(request, constant(m.getParameterTypes()[0], "REQUEST"));
        }
      }
    }
    return null;
  }

  /**
   * ee10 and later: what {@code ServletChannelState} tells its channel to do next, when that is an
   * asynchronous dispatch.
   */
  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object action, @Nullable Throwable thrown)
      throws Throwable {
    if (action == null || !"ASYNC_DISPATCH".equals(((Enum<?>) action).name())) {
      return action;
    }
    Object event = call(self, "getAsyncContextEvent");
    return event != null && isReturning(call(event, "getSuppliedRequest"))
        ? constant(((Enum<?>) Objects.requireNonNull(action)).getDeclaringClass(), "DISPATCH")
        : action;
  }

  private static boolean isReturning(@Nullable Object request) throws ReflectiveOperationException {
    if (request == null) {
      return false;
    }
    Object mark = request.getClass().getMethod("getAttribute", String.class).invoke(request, MARK);
    return mark instanceof ServerCall && ((ServerCall) mark).isReturning();
  }

  private static Object constant(Class<?> type, String name) {
    for (Object c : type.getEnumConstants()) {
      if (((Enum<?>) c).name().equals(name)) {
        return c;
      }
    }
    throw new IllegalStateException(type + " has no " + name);
  }

  private static @Nullable Object call(Object self, String method)
      throws ReflectiveOperationException {
    return self.getClass().getMethod(method).invoke(self);
  }
}
