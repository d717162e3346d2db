package io.weir.instrumentation.servlet;

import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.List;

/** Servlet containers, javax and jakarta. Each request is governed once, where it enters. */
public final class ServletModule extends WeirModule {
  private static final String ADAPTERS = "io.weir.instrumentation.servlet.adapter.";
  static final String JAVAX = ADAPTERS + "javax.ServletHook";
  static final String JAKARTA = ADAPTERS + "jakarta.ServletHook";
  static final String UNDERTOW = ADAPTERS + "undertow.UndertowHook";
  static final String LISTENING = ADAPTERS + "ListeningHook";
  static final String JETTY_RETURN = ADAPTERS + "JettyReturnHook";

  public ServletModule() {
    super("servlet");
  }

  @Override
  public String[] hooks() {
    return new String[] {JAVAX, JAKARTA, UNDERTOW, LISTENING, JETTY_RETURN};
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Arrays.asList(
        new DispatchInstrumentation(),
        new JettyHolderInstrumentation(),
        new JettyReturnInstrumentation(),
        new UndertowInstrumentation(),
        new ListeningInstrumentation());
  }

  @Override
  public List<Library> covers() {
    return Arrays.asList(
        container(
            "Tomcat",
            "8.5 and newer",
            "org.apache.catalina.",
            "org.apache.catalina.core.ApplicationFilterChain"),
        container(
            "Jetty servlets",
            "9.4 and newer",
            "org.eclipse.jetty.",
            "org.eclipse.jetty.servlet.ServletHandler",
            "org.eclipse.jetty.ee8.servlet.ServletHandler",
            "org.eclipse.jetty.ee9.servlet.ServletHandler",
            "org.eclipse.jetty.ee10.servlet.ServletHandler",
            "org.eclipse.jetty.ee11.servlet.ServletHandler"),
        container(
            "Undertow servlets",
            "2.2 and newer",
            "io.undertow.",
            "io.undertow.servlet.handlers.ServletDispatchingHandler"));
  }

  private Library container(String name, String versions, String prefix, String... entryClasses) {
    return library(name, Library.Side.SERVER, versions, new String[] {prefix}, entryClasses);
  }
}
