package io.weir.agent.coverage;

import io.weir.control.json.JsonText;
import io.weir.control.loop.Log;
import io.weir.instrumentation.Library;
import java.lang.instrument.Instrumentation;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Which libraries for calls this JVM has loaded, and which of them Weir governs. So a rule that
 * acts on nothing is told before anybody has to find out in an incident.
 *
 * <p>Promise: it keeps no reference to a class or loader of the application, and at most {@link
 * #MOST} findings.
 *
 * <p>Threading: {@link #defined}, {@link #used} and {@link #failed} from any thread, also with a
 * class loading lock held: they only set a mark. {@link #look} from one control thread. The rest
 * from any thread.
 */
public final class Coverage {
  /** Findings kept; a JVM with more versions of libraries than that tells the first ones. */
  static final int MOST = 64;

  private static final String NO_INSTRUMENTATION = "no instrumentation for it yet";

  private final Libraries libraries;
  private final Predicate<String> switchedOff;
  private final Predicate<@Nullable ClassLoader> agents;

  /** Why an entry class or a woven class of a governed library is not governed, by its name. */
  private final Map<String, String> failures = new ConcurrentHashMap<String, String>();

  private final Set<String> used = ConcurrentHashMap.newKeySet();

  /** Extensions that were left out, as JSON objects with a comma before each. */
  private volatile String leftOut = "";

  /** An entry class was defined since the last look. */
  private volatile boolean defined = true;

  private volatile List<Finding> findings = Collections.emptyList();

  // the looking thread only
  private final Map<String, Found> found = new LinkedHashMap<String, Found>();
  private final Set<String> told = new HashSet<String>();
  private String last = "[]";

  private static final class Found {
    final Library library;
    final String version;

    /** In how many looks it was there: one below others waits for them to appear. */
    int looks;

    Found(Library library, String version) {
      this.library = library;
      this.version = version;
    }
  }

  /**
   * @param libraries to look for
   * @param switchedOff whether an instrumentation is switched off, by its name
   * @param agents whether a loader belongs to an agent, ours or another's, and not to the
   *     application
   */
  public Coverage(
      Libraries libraries, Predicate<String> switchedOff, Predicate<@Nullable ClassLoader> agents) {
    this.libraries = libraries;
    this.switchedOff = switchedOff;
    this.agents = agents;
  }

  /** Names of the classes that are worth a {@link #defined}, with dots. */
  public Iterable<String> entryClasses() {
    return libraries.entryClasses();
  }

  /** An entry class ({@link #entryClasses}) is being defined. */
  public void defined() {
    defined = true;
  }

  /**
   * A class of a governed library could not be woven, or its adapter does not fit.
   *
   * @param binaryName of the class
   */
  public void failed(String binaryName, String why) {
    if (failures.size() < MOST) {
      failures.putIfAbsent(binaryName, why);
      defined = true;
    }
  }

  /**
   * An extension was left out; before the first {@link #look}.
   *
   * @param extension name of its jar
   */
  public void leftOut(String extension, String why) {
    StringBuilder s = new StringBuilder(leftOut);
    JsonText.quote(s.append(",{\"extension\":"), extension);
    JsonText.quote(s.append(",\"why\":"), why);
    leftOut = s.append('}').toString();
    defined = true;
  }

  /**
   * The application has come through a woven class for the first time.
   *
   * @param binaryName of the class
   */
  public void used(String binaryName) {
    if (used.size() < MOST && used.add(binaryName)) {
      defined = true;
    }
  }

  /**
   * Looks at what is loaded now. Costs two short lists of the JDK's own classes, and a list of all
   * classes only where something new was defined.
   *
   * @param log is told once of each library that is not governed
   * @return whether {@link #findings} has changed
   */
  public boolean look(Instrumentation instrumentation, Log log) {
    boolean all = defined;
    defined = false;
    if (all) {
      for (Class<?> c : instrumentation.getAllLoadedClasses()) {
        see(c);
      }
    } else if (jdkUnseen()) {
      for (Class<?> c : instrumentation.getInitiatedClasses(null)) {
        see(c);
      }
      ClassLoader platform = ClassLoader.getSystemClassLoader().getParent();
      if (platform != null) {
        for (Class<?> c : instrumentation.getInitiatedClasses(platform)) {
          see(c);
        }
      }
    }
    List<Finding> now = new ArrayList<Finding>();
    for (Found f : found.values()) {
      f.looks++;
      if (f.library.below.isEmpty() || f.looks > 1 && !isBelow(f.library)) {
        String why = why(f.library);
        boolean used = why == null && isUsed(f.library);
        // of the JDK, it is loaded to be woven, whether or not the application uses it
        if (why != null || used || !f.library.ofTheJdk()) {
          now.add(new Finding(f.library, f.version, why, used));
        }
      }
    }
    String json = json(now);
    boolean changed = !json.equals(last);
    if (changed) {
      findings = Collections.unmodifiableList(now);
      last = json;
    }
    for (Finding f : now) {
      if (!f.governed() && told.add(f.library.name)) {
        log.warn(f.warning());
      }
    }
    return changed;
  }

  private boolean jdkUnseen() {
    int jdk = 0;
    for (Found f : found.values()) {
      jdk += f.library.ofTheJdk() ? 1 : 0;
    }
    int all = 0;
    for (Library l : libraries.all()) {
      all += l.ofTheJdk() ? 1 : 0;
    }
    return jdk < all;
  }

  private void see(Class<?> c) {
    Library library = libraries.ofEntryClass(c.getName());
    if (library == null || found.size() >= MOST || agents.test(c.getClassLoader())) {
      return;
    }
    String version = library.ofTheJdk() ? jdk() : version(c);
    String key = library.name + ' ' + version;
    if (!found.containsKey(key)) {
      found.put(key, new Found(library, version));
    }
  }

  private static String jdk() {
    return "of Java " + System.getProperty("java.version", "unknown");
  }

  /** Calls no code of the application: the class carries what is asked for. */
  private static String version(Class<?> c) {
    Package p = c.getPackage();
    String version = p == null ? null : p.getImplementationVersion();
    if (version == null) {
      CodeSource source = c.getProtectionDomain().getCodeSource();
      version = source == null ? null : inFileName(String.valueOf(source.getLocation()));
    }
    return version == null || version.isEmpty() || version.length() > 64 ? "unknown" : version;
  }

  /** {@code .../okhttp-4.12.0.jar} says 4.12.0. */
  static @Nullable String inFileName(String location) {
    int end = location.lastIndexOf(".jar");
    int from = location.lastIndexOf('/', end < 0 ? location.length() : end) + 1;
    for (int i = from; i >= 0 && end > i; i++) {
      if (location.charAt(i) == '-' && Character.isDigit(location.charAt(i + 1))) {
        return location.substring(i + 1, end);
      }
    }
    return null;
  }

  private boolean isBelow(Library library) {
    for (Found f : found.values()) {
      if (f.library != library
          && f.library.side == library.side
          && (library.below.contains(f.library.name)
              || library.below.contains("*") && f.library.below.isEmpty())) {
        return true;
      }
    }
    return false;
  }

  private @Nullable String why(Library library) {
    if (library.module == null) {
      return NO_INSTRUMENTATION;
    }
    if (switchedOff.test(library.module)) {
      return "weir.instrumentation." + library.module + ".enabled=false";
    }
    for (Map.Entry<String, String> failure : failures.entrySet()) {
      if (library.has(failure.getKey())) {
        return failure.getValue();
      }
    }
    return null;
  }

  private boolean isUsed(Library library) {
    for (String name : used) {
      if (library.has(name)) {
        return true;
      }
    }
    return false;
  }

  /** What was found by the last {@link #look}. */
  public List<Finding> findings() {
    return findings;
  }

  /** {@link #findings}, and extensions that were left out, as a JSON array on one line. */
  public String toJson() {
    return json(findings);
  }

  private String json(List<Finding> findings) {
    StringBuilder s = new StringBuilder("[");
    for (Finding f : findings) {
      f.toJson(s.append(s.length() == 1 ? "" : ","));
    }
    String extensions = leftOut;
    return s.append(
            extensions, s.length() == 1 && !extensions.isEmpty() ? 1 : 0, extensions.length())
        .append(']')
        .toString();
  }

  /** One page of the admin endpoint. */
  public String page(String service) {
    return "{\"service\":" + JsonText.quote(service) + ",\"coverage\":" + toJson() + "}\n";
  }
}
