package io.weir.bootstrap;

/** Marker: advice whose enter value is a {@code Skip} does not run the body of the woven method. */
public class Skip {
  /** The shared marker for methods that need no state at exit. */
  public static final Skip SKIP = new Skip();

  /** For subclasses that carry state to the exit. */
  protected Skip() {}
}
