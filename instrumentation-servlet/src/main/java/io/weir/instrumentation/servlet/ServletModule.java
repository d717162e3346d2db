package io.weir.instrumentation.servlet;

import io.opentelemetry.javaagent.extension.instrumentation.InstrumentationModule;
import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import java.util.Arrays;
import java.util.List;

/** Servlet containers, javax and jakarta: every request is governed once, where it enters. */
public final class ServletModule extends InstrumentationModule {
  public ServletModule() {
    super("weir-servlet");
  }

  @Override
  public List<TypeInstrumentation> typeInstrumentations() {
    return Arrays.<TypeInstrumentation>asList(
        new DispatchInstrumentation(),
        new JettyHolderInstrumentation(),
        new JettyReturnInstrumentation(),
        new UndertowInstrumentation(),
        new ListeningInstrumentation());
  }
}
