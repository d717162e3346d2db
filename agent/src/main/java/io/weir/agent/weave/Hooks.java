package io.weir.agent.weave;

import io.weir.agent.coverage.Coverage;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.Hook;
import io.weir.bootstrap.HookSource;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.WeirModule;
import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Finds or loads the adapter of a woven class. Weak towards the application: an undeployed webapp
 * is collected.
 */
public final class Hooks implements HookSource {
  private final Engine engine;
  private final Coverage coverage;
  private final Instrumentation instrumentation;
  private final @Nullable Extensions extensions;

  /** What adapters of the JDK's classes may read, by their names; for those that want anything. */
  private final Map<String, String[]> opened = new HashMap<String, String[]>();

  private final ClassLoader isolated = Hooks.class.getClassLoader();
  private final AtomicLong failOpen = new AtomicLong();

  // guarded by itself; asked once per woven class, never per call
  private final Map<ClassLoader, WeakReference<AdapterLoader>> loaders =
      new WeakHashMap<ClassLoader, WeakReference<AdapterLoader>>();

  /** The same for each extension, which has loaders of its own; guarded by {@link #loaders}. */
  private final Map<ExtensionLoader, Map<ClassLoader, WeakReference<AdapterLoader>>> ofExtensions =
      new IdentityHashMap<ExtensionLoader, Map<ClassLoader, WeakReference<AdapterLoader>>>(0);

  /**
   * @param modules whose adapters it finds
   * @param coverage is told which woven classes the application has come through
   * @param extensions null: there are none
   */
  public Hooks(
      List<WeirModule> modules,
      Engine engine,
      Coverage coverage,
      Instrumentation instrumentation,
      @Nullable Extensions extensions) {
    this.instrumentation = instrumentation;
    this.extensions = extensions;
    this.engine = engine;
    this.coverage = coverage;
    for (WeirModule m : modules) {
      try {
        String[] packages = m.opens();
        for (String hook : packages.length == 0 ? packages : m.hooks()) {
          opened.put(hook, packages);
        }
      } catch (Throwable broken) {
        AgentLog.get().warn("packages for instrumentation " + m.name() + " stay closed: " + broken);
      }
    }
  }

  @Override
  public Hook find(String hook, Class<?> origin) {
    try {
      ClassLoader adapters =
          loader(origin.getClassLoader(), extensions == null ? null : extensions.ofHook(hook));
      if (JdkClasses.isOne(origin.getName())) {
        JavaBase.exportsToAdapter(
            instrumentation, origin, adapters, opened.getOrDefault(hook, new String[0]));
      }
      Hook found = (Hook) adapters.loadClass(hook).getConstructor(Engine.class).newInstance(engine);
      coverage.used(origin.getName());
      return found;
    } catch (Throwable t) {
      Throwable cause = t.getCause() == null ? t : t.getCause();
      String why =
          "its adapter " + hook + " does not fit this version of the library (" + cause + ")";
      AgentLog.get().warn(origin.getName() + " is not governed: " + why);
      coverage.failed(origin.getName(), why);
      return Hook.NOTHING;
    }
  }

  private AdapterLoader loader(ClassLoader application, @Nullable ExtensionLoader extension) {
    synchronized (loaders) {
      Map<ClassLoader, WeakReference<AdapterLoader>> known = loaders;
      if (extension != null) {
        known =
            ofExtensions.computeIfAbsent(
                extension, e -> new WeakHashMap<ClassLoader, WeakReference<AdapterLoader>>());
      }
      WeakReference<AdapterLoader> ref = known.get(application);
      AdapterLoader l = ref == null ? null : ref.get();
      if (l == null) {
        l = new AdapterLoader(application, isolated, extension);
        known.put(application, new WeakReference<AdapterLoader>(l));
      }
      return l;
    }
  }

  @Override
  public void failedOpen(Throwable cause) {
    long n = failOpen.incrementAndGet();
    if (AgentLog.get().isDue("fail-open")) {
      AgentLog.get()
          .warn("fail-open #" + n + ": a call passed ungoverned because of " + cause + at(cause));
    }
  }

  /** Calls that passed because something of ours threw ({@code weir.fail_open}). */
  public long failOpenCount() {
    return failOpen.get();
  }

  /** Where it was thrown, and by which of ours it came. */
  private static String at(Throwable t) {
    StackTraceElement[] s = t.getStackTrace();
    if (s.length == 0) {
      return "";
    }
    for (StackTraceElement e : s) {
      if (e.getClassName().startsWith("io.weir.instrumentation.")) {
        return " at " + s[0] + (e == s[0] ? "" : ", called from " + e);
      }
    }
    return " at " + s[0];
  }
}
