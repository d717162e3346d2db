package io.weir.control.registry;

import org.jspecify.annotations.Nullable;

/**
 * A health check of this JVM's own server. It blocks, so it runs on the thread {@code weir-probe},
 * never on the control loop.
 */
public interface Probe {
  /**
   * Sends one health check and waits for the answer.
   *
   * @return null when the server is healthy; else a reason for people
   */
  @Nullable String check();
}
