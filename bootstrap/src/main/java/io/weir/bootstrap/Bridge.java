package io.weir.bootstrap;

import org.jspecify.annotations.Nullable;

/**
 * The only class woven code links against.
 *
 * <p>Promise: no method ever throws, whatever an adapter does; then the application's call passes
 * as if the agent were not there. Only {@link #instead} throws, what an adapter tells it to.
 * Look-up of the adapter is one {@link ClassValue} read (no string, no map of ours), so that the
 * entry dies with the woven class and a redeployed web application leaves nothing behind.
 */
public final class Bridge {

  private static volatile @Nullable HookSource source;

  /** Hooks that can be added. */
  public static final int MOST_HOOKS = 256;

  /** By the number that advice carries. Filled before the first class that uses it is defined. */
  private static final Adapters[] ADAPTERS = new Adapters[MOST_HOOKS];

  private static int hooks;

  private Bridge() {}

  /**
   * Claims the bridge for one host; the first wins.
   *
   * @return false when another host of this JVM already owns it; the caller must stand down
   */
  public static synchronized boolean claim(HookSource hooks) {
    if (source != null) {
      return false;
    }
    source = hooks;
    return true;
  }

  /** Whether some host owns the bridge. */
  public static boolean claimed() {
    return source != null;
  }

  /**
   * Gives a hook its number.
   *
   * @param hook name of the adapter's class
   * @throws IllegalArgumentException it has one already
   * @throws IllegalStateException there are {@link #MOST_HOOKS}
   */
  public static synchronized int add(String hook) {
    if (number(hook) >= 0) {
      throw new IllegalArgumentException("two modules have the hook " + hook);
    }
    if (hooks == MOST_HOOKS) {
      throw new IllegalStateException("there are " + MOST_HOOKS + " hooks already");
    }
    ADAPTERS[hooks] = new Adapters(hook);
    return hooks++;
  }

  /**
   * The number of a hook. Advice says {@code Bridge.hook(NAME)} with a constant name; the weaver
   * puts the number in the place of that call, so no woven method ever makes it.
   *
   * @throws IllegalArgumentException nobody has added it
   */
  public static synchronized int hook(String hook) {
    int number = number(hook);
    if (number < 0) {
      throw new IllegalArgumentException("no module has the hook " + hook);
    }
    return number;
  }

  private static int number(String hook) {
    for (int i = 0; i < hooks; i++) {
      if (ADAPTERS[i].hook.equals(hook)) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Called by advice before the woven method.
   *
   * @param self the object it is called on; null in a constructor, the class in a static method
   */
  @SuppressWarnings("NullAway") // the hook of a constructor does not look at the object
  public static @Nullable Object enter(
      int hook,
      Class<?> origin,
      @Nullable Object self,
      @Nullable Object a0,
      @Nullable Object a1,
      @Nullable Object a2) {
    try {
      return source == null ? null : ADAPTERS[hook].get(origin).enter(self, a0, a1, a2);
    } catch (Throwable t) {
      failedOpen(t);
      return null;
    }
  }

  /**
   * Called by advice after the woven method; returns {@code result} unless the adapter replaces it.
   */
  public static @Nullable Object exit(
      int hook,
      Class<?> origin,
      @Nullable Object state,
      Object self,
      @Nullable Object result,
      @Nullable Throwable thrown) {
    try {
      return source == null ? result : ADAPTERS[hook].get(origin).exit(state, self, result, thrown);
    } catch (Throwable t) {
      failedOpen(t);
      return result;
    }
  }

  /**
   * {@link #exit} for advice that has work to do only where {@link #enter} returned a state; so the
   * advice itself need not branch.
   */
  public static @Nullable Object leave(
      int hook,
      Class<?> origin,
      @Nullable Object state,
      Object self,
      @Nullable Object result,
      @Nullable Throwable thrown) {
    return state == null ? result : exit(hook, origin, state, self, result, thrown);
  }

  /**
   * For advice of a method that an adapter may answer itself: what an {@link Instead} says, which
   * {@link #enter} returned; else {@code result}. Asks no adapter again.
   */
  public static @Nullable Object instead(@Nullable Object state, @Nullable Object result) {
    if (!(state instanceof Instead)) {
      return result;
    }
    Instead instead = (Instead) state;
    if (instead.thrown != null) {
      Bridge.<RuntimeException>raise(instead.thrown);
    }
    return instead.result;
  }

  /** Throws what the woven method may throw, declared or not. */
  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  private static <T extends Throwable> void raise(Throwable thrown) throws T {
    throw (T) thrown;
  }

  /** For advice that replaces what a method returns: null replaces nothing. The weaver calls it. */
  public static @Nullable Object orElse(@Nullable Object replaced, @Nullable Object result) {
    return replaced == null ? result : replaced;
  }

  /**
   * Counts and reports a throwable of ours; never throws. Adapters whose work runs outside a hook
   * call it too.
   */
  public static void failedOpen(Throwable cause) {
    try {
      HookSource s = source;
      if (s != null) {
        s.failedOpen(cause);
      }
    } catch (Throwable ignored) {
      // the application goes on, whatever happens here
    }
  }

  private static final class Adapters extends ClassValue<Hook> {
    final String hook;

    Adapters(String hook) {
      this.hook = hook;
    }

    @Override
    @SuppressWarnings("NullAway") // asked only of a claimed bridge
    protected Hook computeValue(Class<?> origin) {
      return source.find(hook, origin);
    }
  }
}
