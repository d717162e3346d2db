package io.weir.agent.weave;

import io.opentelemetry.javaagent.extension.instrumentation.InstrumentationModule;
import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.WovenTypes;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Our own host of the instrumentation modules: one table from class name to instrumentations.
 *
 * <p>A class that is loaded costs one look-up of its name. The weaver (Byte Buddy) is not even
 * loaded until the first class of the table appears, which keeps an application without any of them
 * as fast to start as without the agent.
 */
public final class Host implements ClassFileTransformer {
  private final Map<String, List<TypeInstrumentation>> byInternalName =
      new HashMap<String, List<TypeInstrumentation>>();
  private final ClassLoader isolated = Host.class.getClassLoader();

  /**
   * Reads the table from the modules; a module that throws is left out and said so (one bad plug-in
   * kills nobody).
   */
  public Host(List<InstrumentationModule> modules) {
    for (InstrumentationModule module : modules) {
      try {
        for (TypeInstrumentation type : module.typeInstrumentations()) {
          for (String name : ((WovenTypes) type).typeNames()) {
            String internal = name.replace('.', '/');
            List<TypeInstrumentation> l = byInternalName.get(internal);
            if (l == null) {
              l = new ArrayList<TypeInstrumentation>(1);
              byInternalName.put(internal, l);
            }
            l.add(type);
          }
        }
      } catch (Throwable t) {
        AgentLog.get()
            .warn("instrumentation " + module.getClass().getName() + " is left out: " + t);
      }
    }
  }

  /**
   * Starts weaving; classes that are loaded already (late attach, early libraries) are woven by
   * retransformation.
   *
   * <p>Where nothing needs it, as before {@code main}, we do not ask for retransformation: for
   * those who do, the JVM makes a second copy of every class file that it loads.
   *
   * @param attached threads of the application may be loading classes meanwhile
   */
  public void install(Instrumentation instrumentation, boolean attached) {
    List<Class<?>> early = new ArrayList<Class<?>>();
    if (!attached) {
      early = loaded(instrumentation);
    }
    instrumentation.addTransformer(this, attached || !early.isEmpty());
    if (attached) {
      early = loaded(instrumentation);
    }
    for (Class<?> c : early) {
      if (instrumentation.isModifiableClass(c)) {
        try {
          instrumentation.retransformClasses(c);
        } catch (Throwable t) {
          AgentLog.get()
              .warn(c.getName() + " was loaded before the agent and cannot be woven: " + t);
        }
      }
    }
  }

  private List<Class<?>> loaded(Instrumentation instrumentation) {
    List<Class<?>> loaded = new ArrayList<Class<?>>();
    for (Class<?> c : instrumentation.getAllLoadedClasses()) {
      if (c.getClassLoader() != null && byInternalName.containsKey(c.getName().replace('.', '/'))) {
        loaded.add(c);
      }
    }
    return loaded;
  }

  @Override
  public byte @Nullable [] transform(
      @Nullable ClassLoader loader,
      @Nullable String name,
      @Nullable Class<?> redefined,
      @Nullable ProtectionDomain domain,
      byte[] classFile) {
    if (name == null || loader == null || loader == isolated) {
      return null;
    }
    List<TypeInstrumentation> types = byInternalName.get(name);
    if (types == null || loader instanceof AdapterLoader) {
      return null;
    }
    try {
      if (!seesBridge(loader)) {
        AgentLog.get()
            .warn(
                name.replace('/', '.')
                    + " is not governed: its class loader hides the boot class path ("
                    + loader.getClass().getName()
                    + ")");
        return null;
      }
      return Weaver.weave(types, name.replace('/', '.'), classFile, isolated);
    } catch (Throwable t) {
      AgentLog.get().warn(name.replace('/', '.') + " could not be woven and runs as it is: " + t);
      return null;
    }
  }

  /** A loader that hides the bridge would throw NoClassDefFoundError into the application. */
  private static boolean seesBridge(ClassLoader loader) {
    try {
      return Class.forName("io.weir.bootstrap.Bridge", false, loader)
          == io.weir.bootstrap.Bridge.class;
    } catch (Throwable hidden) {
      return false;
    }
  }
}
