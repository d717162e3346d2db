package io.weir.bootstrap;

/** Finds the adapter of a woven class; implemented by the agent inside its isolated loader. */
public interface HookSource {
  /**
   * Called once per woven class and hook.
   *
   * @param hook one of {@link HookId}
   * @return never null; {@link Hook#NOTHING} when there is no adapter
   */
  Hook find(int hook, Class<?> origin);

  /** Something of ours threw on a call's path; the call has passed. May be called on any thread. */
  void failedOpen(int hook, Throwable cause);
}
