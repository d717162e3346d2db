package io.weir.instrumentation;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A library through which calls enter or leave a JVM, known by the names of its entry classes.
 * Immutable.
 */
public final class Library {
  /** Which way calls go through a library. */
  public enum Side {
    CLIENT,
    SERVER;

    /** {@code client} or {@code server}. */
    public String word() {
      return this == CLIENT ? "client" : "server";
    }
  }

  public final String name;
  public final Side side;

  /** The instrumentation that governs it, as in {@code weir.instrumentation.NAME}; null: none. */
  public final @Nullable String module;

  /** Versions that are governed, in words; empty where none is. */
  public final String versions;

  /**
   * Libraries that stand on this one: where one of them is loaded, calls are theirs and this one is
   * not reported. {@code *} stands for every library of the same side.
   */
  public final List<String> below;

  /** Binary names of entry classes: where one is loaded, the library is in use. */
  public final List<String> classes;

  private final List<String> prefixes;

  private Library(
      String name,
      Side side,
      @Nullable String module,
      String versions,
      List<String> prefixes,
      List<String> below,
      String... classes) {
    this.name = name;
    this.side = side;
    this.module = module;
    this.versions = versions;
    this.prefixes = prefixes;
    this.below = below;
    this.classes = Collections.unmodifiableList(Arrays.asList(classes));
  }

  static Library governed(
      String name,
      Side side,
      String module,
      String versions,
      List<String> prefixes,
      String... classes) {
    return new Library(
        name, side, module, versions, prefixes, Collections.<String>emptyList(), classes);
  }

  /**
   * One that no instrumentation governs.
   *
   * @param prefix what the names of its classes start with
   * @param below see {@link #below}
   */
  public static Library notGoverned(
      String name, Side side, String prefix, List<String> below, String... classes) {
    return new Library(name, side, null, "", Collections.singletonList(prefix), below, classes);
  }

  /** Whether a class is this library's, by its binary name. */
  public boolean has(String className) {
    for (String prefix : prefixes) {
      if (className.startsWith(prefix)) {
        return true;
      }
    }
    return false;
  }

  /** Whether the JDK brings it, so that its version is the JDK's. */
  public boolean ofTheJdk() {
    return classes.get(0).startsWith("sun.") || classes.get(0).startsWith("jdk.");
  }

  @Override
  public String toString() {
    return name + " (" + side.word() + ")";
  }
}
