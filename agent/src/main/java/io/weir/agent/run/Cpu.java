package io.weir.agent.run;

import java.lang.management.ManagementFactory;
import java.lang.management.OperatingSystemMXBean;

/**
 * How busy the CPUs are: those the container may use from JDK 14 on, the machine's before. Loaded
 * only when a rule asks; makes no MBean server.
 */
final class Cpu {
  private static final OperatingSystemMXBean SYSTEM = ManagementFactory.getOperatingSystemMXBean();

  private Cpu() {}

  /** 0 to 1 since it was last asked, or negative: nobody knows. */
  static double share() {
    return SYSTEM instanceof com.sun.management.OperatingSystemMXBean
        ? ((com.sun.management.OperatingSystemMXBean) SYSTEM).getSystemCpuLoad()
        : -1;
  }
}
