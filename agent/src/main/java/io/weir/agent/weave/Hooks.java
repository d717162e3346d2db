package io.weir.agent.weave;

import io.weir.agent.coverage.Coverage;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.Hook;
import io.weir.bootstrap.HookSource;
import io.weir.engine.gate.Engine;
import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Finds or loads the adapter of a woven class. Weak towards the application: an undeployed webapp
 * is collected.
 */
public final class Hooks implements HookSource {
  private final Engine engine;
  private final Coverage coverage;
  private final Instrumentation instrumentation;
  private final ClassLoader isolated = Hooks.class.getClassLoader();
  private final AtomicLong failOpen = new AtomicLong();

  // guarded by itself; asked once per woven class, never per call
  private final Map<ClassLoader, WeakReference<AdapterLoader>> loaders =
      new WeakHashMap<ClassLoader, WeakReference<AdapterLoader>>();

  /**
   * @param coverage is told which woven classes the application has come through
   */
  public Hooks(Engine engine, Coverage coverage, Instrumentation instrumentation) {
    this.instrumentation = instrumentation;
    this.engine = engine;
    this.coverage = coverage;
  }

  @Override
  public Hook find(String hook, Class<?> origin) {
    try {
      ClassLoader adapters = loader(origin.getClassLoader());
      if (JdkClasses.isOne(origin.getName())) {
        JavaBase.exportsToAdapter(instrumentation, origin, adapters);
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

  private AdapterLoader loader(ClassLoader application) {
    synchronized (loaders) {
      WeakReference<AdapterLoader> ref = loaders.get(application);
      AdapterLoader l = ref == null ? null : ref.get();
      if (l == null) {
        l = new AdapterLoader(application, isolated);
        loaders.put(application, new WeakReference<AdapterLoader>(l));
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
