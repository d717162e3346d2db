package io.weir.instrumentation.okhttp;

import io.opentelemetry.javaagent.extension.instrumentation.InstrumentationModule;
import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import java.util.Arrays;
import java.util.List;

/** OkHttp 3.3 and newer: every call made by {@code OkHttpClient.newCall}. */
public final class OkHttpModule extends InstrumentationModule {
  public OkHttpModule() {
    super("okhttp", "weir-okhttp");
  }

  @Override
  public List<TypeInstrumentation> typeInstrumentations() {
    return Arrays.<TypeInstrumentation>asList(
        new NewCallInstrumentation(),
        new AddressInstrumentation(),
        new BodyInstrumentation(),
        new AsyncCallInstrumentation(),
        new RealCallInstrumentation());
  }
}
