package io.weir.agent.weave;

import io.weir.bootstrap.Bridge;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.Map;
import java.util.Set;

/**
 * What the module {@code java.base} is made to allow us. By reflection: modules came with Java 9.
 */
final class JavaBase {
  private JavaBase() {}

  /** Woven classes of the JDK link to {@code io.weir.bootstrap}; nothing to do on Java 8. */
  static void readsTheBridge(Instrumentation instrumentation) throws ReflectiveOperationException {
    Method moduleOf;
    try {
      moduleOf = Class.class.getMethod("getModule");
    } catch (NoSuchMethodException java8) {
      return;
    }
    redefine(
        instrumentation,
        moduleOf,
        Collections.singleton(moduleOf.invoke(Bridge.class)),
        Collections.<String, Set<?>>emptyMap());
  }

  /** Exports a package to this loader; Java 9 or later. */
  static void exportsToUs(Instrumentation instrumentation, String packageName)
      throws ReflectiveOperationException {
    Method moduleOf = Class.class.getMethod("getModule");
    redefine(
        instrumentation,
        moduleOf,
        Collections.emptySet(),
        Collections.singletonMap(
            packageName, Collections.singleton(moduleOf.invoke(JavaBase.class))));
  }

  private static void redefine(
      Instrumentation instrumentation,
      Method moduleOf,
      Set<?> reads,
      Map<String, ? extends Set<?>> exports)
      throws ReflectiveOperationException {
    Instrumentation.class
        .getMethod(
            "redefineModule",
            moduleOf.getReturnType(),
            Set.class,
            Map.class,
            Map.class,
            Set.class,
            Map.class)
        .invoke(
            instrumentation,
            moduleOf.invoke(Object.class),
            reads,
            exports,
            Collections.emptyMap(),
            Collections.emptySet(),
            Collections.emptyMap());
  }
}
