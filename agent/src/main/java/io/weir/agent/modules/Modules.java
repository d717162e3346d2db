package io.weir.agent.modules;

import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The instrumentation modules there are, switched on or not, in the order of the service files that
 * list them. Immutable.
 *
 * <p>{@code java.util.ServiceLoader} reads the same files; it takes some twenty classes more of
 * every start, and ends at the first module that cannot be made.
 */
public final class Modules {
  private static final String SERVICE = "META-INF/services/" + WeirModule.class.getName();

  private final List<WeirModule> all;
  private final List<Library> covered;

  private Modules(List<WeirModule> all, List<Library> covered) {
    this.all = Collections.unmodifiableList(all);
    this.covered = Collections.unmodifiableList(covered);
  }

  /**
   * Reads and makes them. A module that throws, or has the name of another, is left out: one bad
   * module kills nobody.
   *
   * @param warn is told of each that is left out, and why
   */
  public static Modules read(ClassLoader loader, Consumer<String> warn) {
    List<WeirModule> all = new ArrayList<WeirModule>();
    List<Library> covered = new ArrayList<Library>();
    Set<String> names = new HashSet<String>();
    for (String type : listed(loader, warn)) {
      try {
        WeirModule m =
            (WeirModule) Class.forName(type, true, loader).getConstructor().newInstance();
        List<Library> covers = m.covers();
        if (!names.add(m.name())) {
          throw new IllegalArgumentException("another module is called " + m.name());
        }
        all.add(m);
        covered.addAll(covers);
      } catch (Throwable t) {
        warn.accept("instrumentation " + type + " is left out: " + t);
      }
    }
    return new Modules(all, covered);
  }

  private static List<String> listed(ClassLoader loader, Consumer<String> warn) {
    List<String> types = new ArrayList<String>();
    try {
      for (Enumeration<URL> files = loader.getResources(SERVICE); files.hasMoreElements(); ) {
        try (BufferedReader in =
            new BufferedReader(
                new InputStreamReader(files.nextElement().openStream(), StandardCharsets.UTF_8))) {
          for (String line; (line = in.readLine()) != null; ) {
            if (!line.trim().isEmpty()) {
              types.add(line.trim());
            }
          }
        }
      }
    } catch (IOException damaged) {
      warn.accept("instrumentations cannot be listed: " + damaged);
    }
    return types;
  }

  /** All of them. */
  public List<WeirModule> all() {
    return all;
  }

  /** The libraries they govern. */
  public List<Library> covered() {
    return covered;
  }
}
