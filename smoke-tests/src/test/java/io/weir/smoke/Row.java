package io.weir.smoke;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;

/**
 * A library under a contract: its versions, the JDKs they run on, and which promises it cannot
 * keep, and why. One cell is a version on a JDK.
 *
 * <p>{@code ./verify} runs the oldest version on its oldest JDK, the newest on the newest, and what
 * {@link #everyTimeOn} adds. {@code smoke-tests/matrix} runs every version on every JDK. {@code
 * -Dweir.matrix=REGEX} runs the cells whose name it matches as a whole, such as {@code OkHttp 3.3.1
 * on JDK 8}.
 *
 * @param <R> the kind of row
 */
abstract class Row<R extends Row<R>> {
  /** The JDKs that Weir promises to run on. */
  static final NavigableSet<Integer> JDKS = new TreeSet<>(Set.of(8, 11, 17, 21, 25));

  private final String library;
  private final String side;
  private final List<Version> versions = new ArrayList<>();
  private final Map<String, String> cannot = new LinkedHashMap<>();

  Row(String library, String side) {
    this.library = library;
    this.side = side;
  }

  /** A version of the library, and what holds for it alone. */
  static final class Version {
    final String name;
    final List<String> coordinates;
    final NavigableSet<Integer> jdks;
    final Map<String, String> cannot = new LinkedHashMap<>();
    final Set<Integer> everyTime = new TreeSet<>();
    final List<String> sources = new ArrayList<>();

    private Version(String name, NavigableSet<Integer> jdks, List<String> coordinates) {
      this.name = name;
      this.jdks = jdks;
      this.coordinates = coordinates;
    }
  }

  /** A version of a library on a JDK. */
  record Cell(Row<?> row, Version version, Jdk jdk) {
    @Override
    public String toString() {
      return row.library + " " + version.name + " on JDK " + jdk.version();
    }

    /** Jars of the library, with all they need. */
    String classpath() {
      return Maven.resolve(version.coordinates.toArray(new String[0]));
    }

    /** Why this cell cannot keep a promise; null when it can. */
    String cannot(String promise) {
      String why = version.cannot.get(promise);
      return why != null ? why : row.cannot.get(promise);
    }
  }

  abstract R self();

  /** Fails where a promise that cannot be kept is none of the test class. */
  void check(Class<?> test) {
    Set<String> promises = new TreeSet<>();
    for (Class<?> c = test; c != null; c = c.getSuperclass()) {
      for (var m : c.getDeclaredMethods()) {
        promises.add(m.getName());
      }
    }
    List<String> all = new ArrayList<>(cannot.keySet());
    versions.forEach(v -> all.addAll(v.cannot.keySet()));
    all.removeAll(promises);
    if (!all.isEmpty()) {
      throw new IllegalStateException(library + ": the contract has no promises " + all);
    }
  }

  String library() {
    return library;
  }

  /** {@code client} or {@code server}. */
  String side() {
    return side;
  }

  List<Version> versions() {
    return versions;
  }

  Map<String, String> cannot() {
    return cannot;
  }

  /**
   * Adds a version, the oldest first.
   *
   * @param jdk the oldest JDK it runs on
   * @param coordinates {@code group:artifact:version}, which bring what they need
   */
  R version(String name, int jdk, String... coordinates) {
    versions.add(new Version(name, JDKS.tailSet(jdk, true), List.of(coordinates)));
    return self();
  }

  /** The version just added runs on no JDK newer than this. */
  R upTo(int jdk) {
    Version v = versions.remove(versions.size() - 1);
    versions.add(new Version(v.name, v.jdks.headSet(jdk, true), v.coordinates));
    return self();
  }

  /** {@code ./verify} runs the version just added on these, too. */
  R everyTimeOn(Integer... jdks) {
    last().everyTime.addAll(List.of(jdks));
    return self();
  }

  /** More folders of {@code src/apps} for the version just added. */
  R sources(String... folders) {
    last().sources.addAll(List.of(folders));
    return self();
  }

  /**
   * A promise that cannot be kept: by the version just added, or, before any, by the library.
   *
   * @param promise a test method, of the contract or the row's own
   */
  R cannot(String promise, String reason) {
    (versions.isEmpty() ? cannot : last().cannot).put(promise, reason);
    return self();
  }

  private Version last() {
    return versions.get(versions.size() - 1);
  }

  /** JDKs on which {@code ./verify} runs a version. */
  Set<Integer> everyTime(Version v) {
    Set<Integer> jdks = new TreeSet<>(v.everyTime);
    if (v == versions.get(0)) {
      jdks.add(v.jdks.first());
    }
    if (v == last()) {
      jdks.add(v.jdks.last());
    }
    return jdks;
  }

  /** The cells that this run is about. */
  List<Cell> cells() {
    String only = System.getProperty("weir.matrix", "");
    List<Cell> cells = new ArrayList<>();
    for (Version v : versions) {
      for (int jdk : only.isEmpty() ? everyTime(v) : v.jdks) {
        if (only.isEmpty() || new Cell(this, v, new Jdk(jdk, null)).toString().matches(only)) {
          Jdk.want(jdk).map(found -> new Cell(this, v, found)).ifPresent(cells::add);
        }
      }
    }
    return cells;
  }
}
