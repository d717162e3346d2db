package io.weir.agent.weave;

import io.weir.bootstrap.Bridge;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** What the modules of the JDK are made to allow us. By reflection: modules came with Java 9. */
final class JavaBase {
  private JavaBase() {}

  /**
   * Woven classes of the JDK link to {@code io.weir.bootstrap}; nothing to do on Java 8.
   *
   * @param woven whose module is meant
   */
  static void readsTheBridge(Instrumentation instrumentation, Class<?> woven)
      throws ReflectiveOperationException {
    Method moduleOf;
    try {
      moduleOf = Class.class.getMethod("getModule");
    } catch (NoSuchMethodException java8) {
      return;
    }
    redefine(
        instrumentation,
        moduleOf,
        moduleOf.invoke(woven),
        Collections.singleton(moduleOf.invoke(Bridge.class)),
        Collections.<String, Set<?>>emptyMap(),
        Collections.<String, Set<?>>emptyMap());
  }

  /**
   * An adapter of a woven class of the JDK may use the public classes of its package; nothing to do
   * where that is no class of a module.
   *
   * @param adapter the loader of the adapter
   * @param opened packages of the class's module whose private members the adapter may use, too
   */
  static void exportsToAdapter(
      Instrumentation instrumentation, Class<?> woven, ClassLoader adapter, String... opened)
      throws ReflectiveOperationException {
    String name = woven.getName();
    Method moduleOf;
    try {
      moduleOf = Class.class.getMethod("getModule");
    } catch (NoSuchMethodException java8) {
      return;
    }
    Set<?> to =
        Collections.singleton(ClassLoader.class.getMethod("getUnnamedModule").invoke(adapter));
    Map<String, Set<?>> opens = new HashMap<String, Set<?>>();
    for (String p : opened) {
      opens.put(p, to);
    }
    redefine(
        instrumentation,
        moduleOf,
        moduleOf.invoke(woven),
        Collections.emptySet(),
        Collections.singletonMap(name.substring(0, name.lastIndexOf('.')), to),
        opens);
  }

  /** Exports a package to this loader; Java 9 or later. */
  static void exportsToUs(Instrumentation instrumentation, String packageName)
      throws ReflectiveOperationException {
    Method moduleOf = Class.class.getMethod("getModule");
    redefine(
        instrumentation,
        moduleOf,
        moduleOf.invoke(Object.class),
        Collections.emptySet(),
        Collections.singletonMap(
            packageName, Collections.singleton(moduleOf.invoke(JavaBase.class))),
        Collections.<String, Set<?>>emptyMap());
  }

  private static void redefine(
      Instrumentation instrumentation,
      Method moduleOf,
      Object module,
      Set<?> reads,
      Map<String, ? extends Set<?>> exports,
      Map<String, ? extends Set<?>> opens)
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
            module,
            reads,
            exports,
            opens,
            Collections.emptySet(),
            Collections.emptyMap());
  }
}
