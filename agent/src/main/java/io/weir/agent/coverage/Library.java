package io.weir.agent.coverage;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An HTTP or gRPC library that Weir knows by the names of its entry classes. Immutable. */
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

  /** What the binary names of its classes start with. */
  public final String prefix;

  /**
   * Libraries that stand on this one: where one of them is loaded, calls are theirs and this one is
   * not reported. {@code *} stands for every library of the same side.
   */
  public final List<String> below;

  /** Binary names of entry classes: where one is loaded, the library is in use. */
  public final List<String> classes;

  Library(
      String name,
      Side side,
      @Nullable String module,
      String prefix,
      List<String> below,
      String... classes) {
    this.name = name;
    this.side = side;
    this.module = module;
    this.prefix = prefix;
    this.below = below;
    this.classes = Collections.unmodifiableList(Arrays.asList(classes));
  }

  /** Whether the JDK brings it, so that its version is the JDK's. */
  public boolean ofTheJdk() {
    return prefix.startsWith("sun.") || prefix.startsWith("jdk.");
  }

  @Override
  public String toString() {
    return name + " (" + side.word() + ")";
  }
}
