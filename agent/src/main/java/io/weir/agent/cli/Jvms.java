package io.weir.agent.cli;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.TimeUnit;

/**
 * Other JVMs on this machine, by the attach API. It belongs to the JDK's application loader, which
 * this program's own loader does not see, so it is asked for by name.
 */
final class Jvms {
  private Jvms() {}

  /**
   * Loads the agent into a running JVM.
   *
   * @throws Trouble saying why not
   */
  static void attach(String pid, File jar, String options) {
    Class<?> type = vmClass();
    try {
      Object vm = type.getMethod("attach", String.class).invoke(null, pid);
      try {
        type.getMethod("loadAgent", String.class, String.class)
            .invoke(vm, jar.getAbsolutePath(), options);
      } finally {
        type.getMethod("detach").invoke(vm);
      }
    } catch (InvocationTargetException e) {
      throw refused(pid, e.getTargetException());
    } catch (ReflectiveOperationException e) {
      throw refused(pid, e);
    }
  }

  private static Trouble refused(String pid, Throwable t) {
    String why = String.valueOf(t.getMessage() == null ? t : t.getMessage());
    String advice = "is it a JVM of this user, on this machine? see: jps -l";
    if (why.contains("dynamic agent loading") || why.contains("EnableDynamicAgentLoading")) {
      advice = "it was started with -XX:-EnableDynamicAgentLoading: start it with -javaagent";
    } else if (why.contains("DisableAttachMechanism")) {
      advice = "it was started with -XX:+DisableAttachMechanism: start it with -javaagent";
    }
    return new Trouble(Fault.ATTACH, "JVM " + pid + ": " + why, advice);
  }

  private static Class<?> vmClass() {
    try {
      return Class.forName(
          "com.sun.tools.attach.VirtualMachine", true, ClassLoader.getSystemClassLoader());
    } catch (ClassNotFoundException e) {
      throw new Trouble(
          Fault.ATTACH,
          "this Java (" + System.getProperty("java.home") + ") has no attach API",
          "run this command with a JDK 9 or newer that has the module jdk.attach");
    }
  }

  /**
   * What {@code jcmd PID COMMAND} says.
   *
   * @throws Trouble when there is no jcmd or it fails
   */
  static String ask(String pid, String... command) {
    File jcmd = new File(System.getProperty("java.home"), "bin/jcmd");
    if (!jcmd.canExecute()) {
      throw new Trouble(
          Fault.ATTACH, "no jcmd beside this Java, " + jcmd, "run this command with a JDK");
    }
    String[] words = new String[command.length + 2];
    words[0] = jcmd.getPath();
    words[1] = pid;
    System.arraycopy(command, 0, words, 2, command.length);
    try {
      Process p = new ProcessBuilder(words).redirectErrorStream(true).start();
      p.getOutputStream().close();
      ByteArrayOutputStream said = new ByteArrayOutputStream();
      byte[] buffer = new byte[1 << 16];
      try (InputStream in = p.getInputStream()) {
        for (int n; (n = in.read(buffer)) > 0; ) {
          said.write(buffer, 0, n);
        }
      }
      if (!p.waitFor(10, TimeUnit.SECONDS) || p.exitValue() != 0) {
        p.destroy();
        throw new Trouble(
            Fault.ATTACH,
            "jcmd " + pid + ": " + said.toString("UTF-8").trim().split("\n")[0],
            "is it a JVM of this user, on this machine? see: jps -l");
      }
      return said.toString("UTF-8");
    } catch (IOException e) {
      throw new Trouble(Fault.ATTACH, "jcmd " + pid + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Trouble(Fault.ATTACH, "interrupted");
    }
  }
}
