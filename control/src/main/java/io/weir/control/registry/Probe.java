package io.weir.control.registry;

import org.jspecify.annotations.Nullable;

/**
 * Asks this JVM's own server whether it still works. Blocking; runs on the prober's thread, never
 * on the loop.
 */
public interface Probe {
  /**
   * @return null when it is well, else why not, for a human
   */
  @Nullable String ask();
}
