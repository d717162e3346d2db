package io.weir.bootstrap;

/** Finds the adapter of a woven class; implemented by the agent inside its isolated loader. */
public interface HookSource {
  /**
   * Called once per woven class and hook.
   *
   * @param hook a name given to {@link Bridge#add}: that of the adapter's class
   * @return never null; {@link Hook#NOTHING} when there is no adapter
   */
  Hook find(String hook, Class<?> origin);

  /** Something of ours threw on a call's path; the call has passed. May be called on any thread. */
  void failedOpen(Throwable cause);
}
