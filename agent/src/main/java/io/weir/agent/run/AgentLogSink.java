package io.weir.agent.run;

import io.weir.agent.log.AgentLog;
import io.weir.control.loop.Log;

/** The control plane's lines in the agent's log. Any thread. */
final class AgentLogSink implements Log {
  @Override
  public void info(String line) {
    AgentLog.get().info(bare(line));
  }

  @Override
  public void warn(String line) {
    AgentLog.get().warn(bare(line));
  }

  /** The agent's log has a prefix of its own. */
  private static String bare(String line) {
    return line.startsWith("weir: ") ? line.substring("weir: ".length()) : line;
  }
}
