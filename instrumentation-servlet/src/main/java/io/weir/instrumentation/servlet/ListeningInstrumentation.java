package io.weir.instrumentation.servlet;

import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;

/**
 * Weaves the methods that open and close a container's port, so that the registry knows which ports
 * are open.
 */
final class ListeningInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "org.apache.catalina.connector.Connector", // startInternal, stopInternal: Tomcat 7 and later
      "org.eclipse.jetty.server.ServerConnector", // open, close: Jetty 9 and later
      "io.undertow.Undertow", // start, stop: 1.0 and later
    };
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        namedOneOf("startInternal", "open", "start").and(takesNoArguments()),
        getClass().getName() + "$StartAdvice");
    transformer.applyAdviceToMethod(
        namedOneOf("stopInternal", "close", "stop").and(takesNoArguments()),
        getClass().getName() + "$StopAdvice");
  }

  static final class StartAdvice {
    private StartAdvice() {}

    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.exit(Bridge.hook(ServletModule.LISTENING), origin, null, self, null, null);
    }
  }

  /**
   * On entry, before the port is closed: afterwards it is no longer known. One method of the hook
   * serves both advices; a state that is not null tells it that the port is about to be closed.
   */
  static final class StopAdvice {
    private StopAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.exit(Bridge.hook(ServletModule.LISTENING), origin, "stops", self, null, null);
    }
  }
}
