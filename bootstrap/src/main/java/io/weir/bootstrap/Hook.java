package io.weir.bootstrap;

import org.jspecify.annotations.Nullable;

/**
 * What stands behind one woven method: the adapter, typed against the library, loaded beside it.
 *
 * <p>Threading: called by any number of application threads at once; implementations are stateless
 * or thread-safe. Errors: whatever an implementation throws is caught by {@link Bridge}, counted,
 * and the application's call passes.
 */
public class Hook {

  /** Does nothing: stands where a library is present but its adapter could not be loaded. */
  public static final Hook NOTHING = new Hook();

  /**
   * Before the woven method.
   *
   * @param self the object it was called on; the class, where it is static. A constructor has none
   *     yet, and its hook must not look at it
   * @param a0 what the advice hands over besides, as are {@code a1} and {@code a2}
   * @return state handed to {@link #exit}, or null; an instance of {@link Skip} keeps the method's
   *     body from running
   */
  public @Nullable Object enter(
      Object self, @Nullable Object a0, @Nullable Object a1, @Nullable Object a2) throws Throwable {
    return null;
  }

  /**
   * After the woven method, also when it threw.
   *
   * @param state what {@link #enter} returned
   * @param result what the method is about to return, or null
   * @param thrown what the method threw, or null
   * @return what the method shall return instead; {@code result} for no change. Advice of methods
   *     without a result ignores it.
   */
  public @Nullable Object exit(
      @Nullable Object state, Object self, @Nullable Object result, @Nullable Throwable thrown)
      throws Throwable {
    return result;
  }
}
