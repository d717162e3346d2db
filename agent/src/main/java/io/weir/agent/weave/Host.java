package io.weir.agent.weave;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.weir.agent.coverage.Coverage;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Definitions;
import io.weir.bootstrap.TaskColours;
import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.ProtectionDomain;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.bytebuddy.jar.asm.ClassReader;
import org.jspecify.annotations.Nullable;

/**
 * Our own host of the instrumentation modules: one table from class name to instrumentations.
 *
 * <p>A class that is loaded costs one look-up of its name. Before {@code main} the weaver is not
 * even loaded until the first class of the table appears, which keeps an application without any of
 * them as fast to start as without the agent. After that it weaves the JDK's classes, aside.
 *
 * <p>Asked either where classes are defined ({@link LoaderWeaver}) or, where that cannot be, by the
 * JVM as a transformer.
 */
public final class Host implements ClassFileTransformer {
  /** Where a type instrumentation comes from. */
  private final Map<TypeInstrumentation, WeirModule> moduleOf =
      new IdentityHashMap<TypeInstrumentation, WeirModule>();

  /** Each under both its names, with dots and, as the JVM calls it, with slashes. */
  private final Map<String, List<TypeInstrumentation>> byName =
      new HashMap<String, List<TypeInstrumentation>>();

  /** Entry classes of known libraries, under both their names. */
  private final Set<String> entries = new HashSet<String>();

  private final Coverage coverage;
  private final Instrumentation instrumentation;
  private final JdkClasses jdkClasses;

  /** Modules that are not read before colours matter; guarded by itself. */
  private final List<WeirModule> waitingForColours = new ArrayList<WeirModule>(1);

  private @Nullable WhereDefined whereDefined;

  /**
   * Reads the table from the modules; a module that throws is left out and said so (one bad plug-in
   * kills nobody).
   *
   * @param coverage is told of classes that tell which libraries are in use
   */
  public Host(List<WeirModule> modules, Instrumentation instrumentation, Coverage coverage) {
    this.instrumentation = instrumentation;
    this.coverage = coverage;
    jdkClasses = new JdkClasses(instrumentation, coverage);
    for (String name : coverage.entryClasses()) {
      entries.add(name);
      entries.add(name.replace('.', '/'));
    }
    for (WeirModule module : modules) {
      if (module.waitsForColours()) {
        waitingForColours.add(module);
      } else {
        read(module, jdkClasses);
      }
    }
  }

  private void read(WeirModule module, JdkClasses ofTheJdk) {
    try {
      List<? extends WovenTypes> types = module.wovenTypes();
      for (String hook : module.hooks()) {
        Bridge.add(hook);
      }
      for (WovenTypes type : types) {
        moduleOf.put(type, module);
        for (String name : type.typeNames()) {
          if (JdkClasses.isOne(name)) {
            ofTheJdk.add(name, type);
          } else {
            add(name, type);
          }
        }
      }
    } catch (Throwable t) {
      AgentLog.get().warn("instrumentation " + module.name() + " is left out: " + t);
    }
  }

  private void add(String name, TypeInstrumentation type) {
    List<TypeInstrumentation> l = byName.get(name);
    if (l == null) {
      l = new ArrayList<TypeInstrumentation>(1);
      byName.put(name, l);
      byName.put(name.replace('.', '/'), l);
    }
    l.add(type);
  }

  /**
   * Starts weaving; classes that are loaded already (late attach, early libraries) are woven by
   * retransformation.
   *
   * <p>Where nothing needs it, as before {@code main}, there is no transformer: for each, the JVM
   * copies every class file that it loads, and twice for one that can retransform.
   *
   * @param attached threads of the application may be loading classes meanwhile
   * @param transformer whether to do without {@link LoaderWeaver} in any case
   */
  public void install(boolean attached, boolean transformer) {
    List<Class<?>> early = new ArrayList<Class<?>>();
    if (!attached) {
      early = loaded();
      if (early.isEmpty() && !transformer) {
        String refused = LoaderWeaver.weave(instrumentation);
        if (refused == null) {
          whereDefined = new WhereDefined();
          Definitions.ask(whereDefined);
          return;
        }
        AgentLog.get().debug("weaving by a transformer: " + refused);
      }
    }
    instrumentation.addTransformer(this, attached || !early.isEmpty());
    if (attached) {
      early = loaded();
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

  /**
   * Once {@code main} has begun: if its class was defined unseen, so may others be (the JVM's class
   * data archive has the application's classes, or somebody has put {@code ClassLoader} back as it
   * was), and a transformer takes over.
   *
   * @param mainClass null: it did not come, or who started the JVM has none, and nothing is known
   */
  public void mainHasBegun(@Nullable String mainClass) {
    WhereDefined d = whereDefined;
    if (d != null && !d.hasSeen(mainClass)) {
      AgentLog.get()
          .info(
              "weaving by a transformer from now on: "
                  + mainClass
                  + " was defined without ClassLoader.defineClass as it was woven");
      install(true, true);
      Definitions.ask(null);
    }
  }

  /**
   * Weaves the classes of the JDK, except those that wait for colours. Once; on a thread that the
   * application does not wait for, before rules are in force.
   */
  public void weaveJdk() {
    jdkClasses.weave();
  }

  /**
   * Weaves the classes of the JDK that hand work over, once, on a thread of its own: on cold cores
   * that takes a second, and the control thread that calls has leases to renew meanwhile.
   */
  public void coloursMatter() {
    List<WeirModule> modules;
    synchronized (waitingForColours) {
      modules = new ArrayList<WeirModule>(waitingForColours);
      waitingForColours.clear();
    }
    if (!modules.isEmpty()) {
      Thread weaver = new Thread(() -> weaveForColours(modules), "weir-weave");
      weaver.setDaemon(true);
      weaver.start();
    }
  }

  private void weaveForColours(List<WeirModule> modules) {
    try {
      TaskColours.waiting(); // initialised here, not within the first task's execute
      JdkClasses classes = new JdkClasses(instrumentation, coverage);
      for (WeirModule module : modules) {
        read(module, classes);
      }
      AgentLog.get()
          .info("the traffic colour follows work across threads (" + classes.weave() + " classes)");
    } catch (Throwable t) {
      AgentLog.get().warn("the traffic colour ends at the thread: " + t);
    }
  }

  private List<Class<?>> loaded() {
    List<Class<?>> loaded = new ArrayList<Class<?>>();
    for (Class<?> c : instrumentation.getAllLoadedClasses()) {
      if (c.getClassLoader() != null && byName.containsKey(c.getName())) {
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
    if (name == null) {
      return null;
    }
    if (entries.contains(name)) {
      coverage.defined();
    }
    return loader == null ? null : woven(loader, name, classFile);
  }

  /** Whether classes of a loader are those of an agent, ours or OpenTelemetry's. */
  public static boolean isOfAnAgent(@Nullable ClassLoader loader) {
    ClassLoader isolated = Host.class.getClassLoader();
    return loader == isolated
        || loader != null
            // loaders of adapters and of extensions
            && (loader.getClass().getClassLoader() == isolated
                || loader.getClass().getName().startsWith("io.opentelemetry.javaagent."));
  }

  private @Nullable List<TypeInstrumentation> wanted(ClassLoader loader, String name) {
    List<TypeInstrumentation> types = byName.get(name);
    // calls of other agents are not the application's: no default rule is about their exporters
    return types == null || isOfAnAgent(loader) ? null : types;
  }

  private byte @Nullable [] woven(ClassLoader loader, String name, byte[] classFile) {
    List<TypeInstrumentation> types = wanted(loader, name);
    if (types == null) {
      return null;
    }
    String dotted = name.replace('/', '.');
    try {
      if (!seesBridge(loader)) {
        String why =
            "its class loader hides the boot class path (" + loader.getClass().getName() + ")";
        AgentLog.get().warn(dotted + of(types, dotted) + " is not governed: " + why);
        coverage.failed(dotted, why);
        return null;
      }
      return isWoven(classFile) ? null : Weaver.weave(types, dotted, classFile);
    } catch (Throwable t) {
      Definitions.failed();
      AgentLog.get()
          .warn(dotted + of(types, dotted) + " could not be woven and runs as it is: " + t);
      coverage.failed(dotted, "it could not be woven: " + t);
      return null;
    }
  }

  /** The library that a class belongs to, and who weaves it: for the log. */
  private String of(List<TypeInstrumentation> types, String className) {
    WeirModule module = moduleOf.get(types.get(0));
    if (module == null) {
      return "";
    }
    for (Library l : module.covers()) {
      if (l.has(className)) {
        return " of " + l.name + " (instrumentation " + module.name() + ")";
      }
    }
    return " (instrumentation " + module.name() + ")";
  }

  /** A class file may come by twice: as a buffer and as its bytes, as defined and retransformed. */
  private static boolean isWoven(byte[] classFile) {
    return new String(classFile, StandardCharsets.ISO_8859_1).contains("io/weir/bootstrap/");
  }

  /** A loader that hides the bridge would throw NoClassDefFoundError into the application. */
  private static boolean seesBridge(ClassLoader loader) {
    try {
      return Class.forName("io.weir.bootstrap.Bridge", false, loader) == Bridge.class;
    } catch (Throwable hidden) {
      return false;
    }
  }

  /** Asked by {@code ClassLoader.defineClass}. */
  private final class WhereDefined extends Definitions {
    /** Other agents may load a lot before {@code main}. */
    private static final int MOST = 10_000;

    /** Names of what was defined before {@code main}; guarded by itself, null once told. */
    private volatile @Nullable List<String> seen = new ArrayList<String>();

    @Override
    protected byte @Nullable [] woven(
        ClassLoader loader, @Nullable String name, byte[] bytes, int offset, int length) {
      if (name == null) {
        name = new ClassReader(bytes, offset, length).getClassName().replace('/', '.');
      }
      see(name);
      return wanted(loader, name) == null
          ? null
          : Host.this.woven(loader, name, Arrays.copyOfRange(bytes, offset, offset + length));
    }

    @Override
    protected byte @Nullable [] woven(
        ClassLoader loader, @Nullable String name, ByteBuffer buffer) {
      if (name != null) {
        see(name);
        if (wanted(loader, name) == null) {
          return null;
        }
      }
      byte[] b = new byte[buffer.remaining()];
      buffer.duplicate().get(b);
      return woven(loader, name, b, 0, b.length);
    }

    @Override
    protected void threw(Throwable cause) {
      if (AgentLog.get().isDue("definitions")) {
        AgentLog.get()
            .warn(
                "what should be woven is defined as it is ("
                    + Definitions.failures()
                    + " classes so far): "
                    + cause);
      }
    }

    private void see(String name) {
      if (entries.contains(name)) {
        coverage.defined();
      }
      List<String> s = seen;
      if (s != null) {
        synchronized (s) {
          if (s.size() < MOST) {
            s.add(name);
          }
        }
      }
    }

    /** Asked once; nothing is kept afterwards. */
    boolean hasSeen(@Nullable String name) {
      List<String> s = seen;
      seen = null;
      if (name == null || s == null) {
        return true;
      }
      synchronized (s) {
        return s.size() == MOST || s.contains(name);
      }
    }
  }
}
