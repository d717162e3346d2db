package io.weir.instrumentation.servlet.adapter.undertow;

import io.undertow.server.HttpServerExchange;
import io.undertow.servlet.handlers.ServletRequestContext;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.api.server.RequestParking;
import org.jspecify.annotations.Nullable;

/** Takes request and response out of Undertow's exchange; 2.2 speaks javax, 2.3 jakarta. */
public final class UndertowHook extends Hook {
  private final Hook servlet;

  public UndertowHook(Engine engine) throws NoSuchMethodException {
    Class<?> request = ServletRequestContext.class.getMethod("getServletRequest").getReturnType();
    RequestParking parking = engine.pacer() == null ? null : new UndertowParking(engine.pacer());
    servlet =
        request.getName().startsWith("jakarta.")
            ? new io.weir.instrumentation.servlet.adapter.jakarta.ServletHook(engine, parking)
            : new io.weir.instrumentation.servlet.adapter.javax.ServletHook(engine, parking);
  }

  @Override
  @SuppressWarnings("NullAway") // the exchange is never null
  public @Nullable Object enter(
      Object self, @Nullable Object exchange, @Nullable Object a1, @Nullable Object a2)
      throws Throwable {
    ServletRequestContext context =
        ((HttpServerExchange) exchange).getAttachment(ServletRequestContext.ATTACHMENT_KEY);
    return servlet.enter(self, context.getOriginalRequest(), context.getOriginalResponse(), null);
  }

  @Override
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown)
      throws Throwable {
    return servlet.exit(state, self, result, thrown);
  }
}
