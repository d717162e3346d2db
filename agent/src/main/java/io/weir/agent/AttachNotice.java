package io.weir.agent;

import java.lang.instrument.Instrumentation;
import java.util.Properties;

/**
 * Tells whoever attached to this JVM what came of it, in the JVM's agent properties: they are there
 * for attached tools to read, and the application does not see them. The attach API itself reports
 * only that the agent's jar was loaded, and between two Java versions not even that.
 */
final class AttachNotice {
  /** Begins with one of the words below. */
  static final String PROPERTY = "io.weir.agent";

  static final String STARTED = "started";
  static final String IDLE = "idle";
  static final String PRESENT = "present";
  static final String FAILED = "failed";
  static final String TOOL = "tool";

  private AttachNotice() {}

  /** Where the JVM does not let us, nothing is told: the agent works without. */
  static void leave(String text, Instrumentation instrumentation) {
    try {
      Class<?> support;
      try {
        support = Class.forName("jdk.internal.vm.VMSupport");
        BootClasses.exportToUs(support, instrumentation);
      } catch (ClassNotFoundException java8) {
        support = Class.forName("sun.misc.VMSupport");
      }
      Properties properties = (Properties) support.getMethod("getAgentProperties").invoke(null);
      properties.setProperty(PROPERTY, text);
    } catch (Throwable notTold) {
      // as said above
    }
  }
}
