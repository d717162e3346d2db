package io.weir.agent.weave;

import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The instrumentations of a directory of jars, {@code weir.extensions.dir}.
 *
 * <p>An extension is taken as a whole or left out as a whole. It is checked before it is taken: its
 * class files against this agent and this JVM, its modules by making and asking them, its advice by
 * reading it, its adapters by looking for them. What is wrong with it then hurts neither the
 * application nor the other instrumentations.
 *
 * <p>Immutable once read.
 */
public final class Extensions {
  private static final String SERVICE = "META-INF/services/" + WeirModule.class.getName();

  private final ClassLoader isolated = Extensions.class.getClassLoader();
  private final List<WeirModule> modules = new ArrayList<WeirModule>();
  private final List<Library> covered = new ArrayList<Library>();

  /** Instrumentations by the name of their jar. */
  private final Map<String, List<String>> taken = new LinkedHashMap<String, List<String>>();

  private final Map<String, String> leftOut = new LinkedHashMap<String, String>();
  private final Map<String, ExtensionLoader> byHook = new HashMap<String, ExtensionLoader>();

  /** Instrumentation by its woven class: those of the agent, and of the extensions so far. */
  private final Map<String, String> weavers = new HashMap<String, String>();

  private final List<String> names = new ArrayList<String>();

  private Extensions() {}

  /**
   * Reads every jar of a directory, in the order of their names. Throws nothing.
   *
   * @param all instrumentations of the agent, whose names are taken
   * @param switchedOn those of them whose classes are taken, too
   */
  public static Extensions read(File directory, List<WeirModule> all, List<WeirModule> switchedOn) {
    Extensions e = new Extensions();
    for (WeirModule m : all) {
      e.names.add(m.name());
    }
    try {
      for (WeirModule m : switchedOn) {
        for (WovenTypes t : m.wovenTypes()) {
          for (String type : t.typeNames()) {
            e.weavers.put(type, m.name());
          }
        }
      }
      e.readAll(directory);
    } catch (Throwable t) {
      e.leftOut.put(directory.getPath(), why(t));
    }
    return e;
  }

  private void readAll(File directory) {
    File[] files = directory.listFiles();
    if (files == null) {
      leftOut.put(directory.getPath(), "it is no directory that can be read");
      return;
    }
    Arrays.sort(files);
    int jars = 0;
    for (File f : files) {
      if (f.getName().toLowerCase(Locale.ROOT).endsWith(".jar")) {
        jars++;
        try {
          read(f);
        } catch (Throwable t) {
          leftOut.put(f.getName(), why(t));
        }
      }
    }
    if (jars == 0) {
      leftOut.put(directory.getPath(), "there is no jar in it");
    }
  }

  private void read(File file) throws Exception {
    ExtensionLoader jar = ExtensionLoader.open(file, isolated);
    ExtensionCheck check = new ExtensionCheck(jar, isolated);
    check.check();
    List<WeirModule> found = new ArrayList<WeirModule>();
    List<Library> covers = new ArrayList<Library>();
    List<String> called = new ArrayList<String>();
    List<String> hooks = new ArrayList<String>();
    Map<String, String> weaves = new HashMap<String, String>();
    for (String type : listed(jar)) {
      WeirModule m = made(type, jar);
      if (!m.name().matches("[a-z0-9-]+")) {
        throw new IllegalArgumentException(
            "'" + m.name() + "' is no name of an instrumentation: a-z, 0-9 and dashes");
      }
      if (names.contains(m.name()) || called.contains(m.name())) {
        throw new IllegalArgumentException("another instrumentation is called " + m.name());
      }
      called.add(m.name());
      check(m, jar, check, hooks, weaves);
      covers.addAll(m.covers());
      found.add(m);
    }
    if (byHook.size() + hooks.size() > Bridge.MOST_HOOKS / 2) {
      throw new IllegalArgumentException("extensions have too many hooks");
    }
    for (String hook : hooks) {
      byHook.put(hook, jar);
    }
    names.addAll(called);
    weavers.putAll(weaves);
    covered.addAll(covers);
    modules.addAll(found);
    taken.put(file.getName(), called);
  }

  @SuppressWarnings("NullAway") // the entry is there
  private static List<String> listed(ExtensionLoader jar) {
    List<String> types = new ArrayList<String>();
    if (jar.paths().contains(SERVICE)) {
      String text = new String(jar.entry(SERVICE), StandardCharsets.UTF_8);
      for (String line : text.split("\n")) {
        int comment = line.indexOf('#');
        String type = (comment < 0 ? line : line.substring(0, comment)).trim();
        if (!type.isEmpty()) {
          types.add(type);
        }
      }
    }
    if (types.isEmpty()) {
      throw new IllegalArgumentException("it names no module in " + SERVICE);
    }
    return types;
  }

  private static WeirModule made(String type, ExtensionLoader jar) throws Exception {
    if (!jar.has(type)) {
      throw new IllegalArgumentException("the module " + type + " is not in it");
    }
    Class<?> c = Class.forName(type, true, jar);
    if (!WeirModule.class.isAssignableFrom(c)) {
      throw new IllegalArgumentException(type + " is no " + WeirModule.class.getName());
    }
    return (WeirModule) c.getConstructor().newInstance();
  }

  private void check(
      WeirModule m,
      ExtensionLoader jar,
      ExtensionCheck check,
      List<String> hooks,
      Map<String, String> weaves)
      throws IOException {
    List<String> own = Arrays.asList(m.hooks());
    for (String hook : own) {
      if (byHook.containsKey(hook) || hooks.contains(hook)) {
        throw new IllegalArgumentException("the hook " + hook + " is there twice");
      }
      hooks.add(hook);
      check.adapter(hook);
    }
    m.waitsForColours();
    for (WovenTypes type : m.wovenTypes()) {
      for (String name : type.typeNames()) {
        String other = weavers.get(name);
        if (other != null) {
          throw new IllegalArgumentException(
              name + " is woven by the instrumentation " + other + " already");
        }
        if (name.equals(ClassLoader.class.getName())) {
          throw new IllegalArgumentException(name + " is woven by the agent itself");
        }
        if (jar.has(name)) {
          throw new IllegalArgumentException(
              "it has " + name + " in it, which it weaves: the library is the application's");
        }
        weaves.put(name, m.name());
      }
      if (type.typeMatcher() == null) {
        throw new IllegalArgumentException(type.getClass().getName() + " has no type matcher");
      }
      Weaver.check(type, own);
    }
  }

  /** In one line. */
  private static String why(Throwable thrown) {
    Throwable t =
        thrown instanceof InvocationTargetException && thrown.getCause() != null
            ? thrown.getCause()
            : thrown;
    if (t instanceof ExceptionInInitializerError && t.getCause() != null) {
      t = t.getCause();
    }
    String message = String.valueOf(t.getMessage()).replaceAll("\\s+", " ");
    boolean ours = t.getClass() == IllegalArgumentException.class && t.getMessage() != null;
    if (ours || t.getClass() == IOException.class) {
      return message;
    }
    StackTraceElement[] at = t.getStackTrace();
    return t.getClass().getName()
        + ": "
        + message
        + (at.length == 0 || at[0].getClassName().startsWith("java.") ? "" : " at " + at[0]);
  }

  /** The modules of the extensions that were taken. */
  public List<WeirModule> modules() {
    return Collections.unmodifiableList(modules);
  }

  /** The libraries they govern. */
  public List<Library> covered() {
    return Collections.unmodifiableList(covered);
  }

  /** Names of the instrumentations, by the name of the jar that was taken. */
  public Map<String, List<String>> taken() {
    return Collections.unmodifiableMap(taken);
  }

  /** Why a jar was left out, by its name; or the directory, by its path. */
  public Map<String, String> leftOut() {
    return Collections.unmodifiableMap(leftOut);
  }

  /** The extension that has a hook; null: it is the agent's own. */
  @Nullable ExtensionLoader ofHook(String hook) {
    return byHook.get(hook);
  }
}
