package io.weir.agent.cli;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Other JVMs on this machine, by the attach API. It belongs to the JDK's application loader, which
 * this program's own loader does not see, so it is asked for by name.
 */
final class Jvms {
  private Jvms() {}

  /**
   * Loads the agent into a running JVM, and returns once it governs there. What came of it the
   * agent itself tells: where the two JVMs are of different Java versions the attach API takes the
   * answer of the other for an error (Java 8 says "0" where later ones say "return code: 0").
   *
   * @throws Trouble saying why not
   */
  static void attach(String pid, File jar, String options) {
    Class<?> type = vmClass();
    Throwable refusal = null;
    String notice;
    try {
      Object vm = type.getMethod("attach", String.class).invoke(null, pid);
      try {
        notice = notice(type, vm);
        if (notice.startsWith("started") || notice.startsWith("present")) {
          throw present(pid);
        }
        try {
          type.getMethod("loadAgent", String.class, String.class)
              .invoke(vm, jar.getAbsolutePath(), options);
        } catch (InvocationTargetException e) {
          refusal = e.getTargetException();
        }
        notice = notice(type, vm);
      } finally {
        type.getMethod("detach").invoke(vm);
      }
    } catch (InvocationTargetException e) {
      throw refused(pid, e.getTargetException());
    } catch (ReflectiveOperationException e) {
      throw refused(pid, e);
    }
    if (notice.startsWith("started")) {
      return;
    }
    if (notice.startsWith("present")) {
      throw present(pid);
    }
    if (refusal != null && !isOtherJava(refusal)) {
      throw refused(pid, refusal);
    }
    throw new CliException(
        CliFault.ATTACH,
        "JVM "
            + pid
            + ": "
            + (notice.isEmpty()
                ? "it loaded the agent, which does not tell its state"
                : say(notice)),
        "the agent's own words are on that JVM's stderr");
  }

  /**
   * What the agent in that JVM says of itself, in the words of {@link #say}; empty where there is
   * none, or one that was given at that JVM's start and began without trouble.
   *
   * @throws Trouble where it cannot be asked
   */
  static String notice(String pid) {
    Class<?> type = vmClass();
    try {
      Object vm = type.getMethod("attach", String.class).invoke(null, pid);
      try {
        return notice(type, vm);
      } finally {
        type.getMethod("detach").invoke(vm);
      }
    } catch (InvocationTargetException e) {
      throw refused(pid, e.getTargetException());
    } catch (ReflectiveOperationException e) {
      throw refused(pid, e);
    }
  }

  /** The launcher leaves it there ({@code AttachNotice}), whose classes this loader has not. */
  private static String notice(Class<?> type, Object vm) throws ReflectiveOperationException {
    Properties told = (Properties) type.getMethod("getAgentProperties").invoke(vm);
    return told.getProperty("io.weir.agent", "");
  }

  /** A notice in words. */
  static String say(String notice) {
    int space = notice.indexOf(' ');
    String rest = space < 0 ? "" : notice.substring(space + 1);
    if (notice.startsWith("failed")) {
      return "the agent could not start, and the application runs without it: " + rest;
    }
    if (notice.startsWith("tool")) {
      return "it runs " + rest + ", which the agent leaves alone";
    }
    if (notice.startsWith("idle")) {
      return "the agent is loaded and governs nothing (weir.enabled=false, or another agent does)";
    }
    return "Weir is in this JVM";
  }

  private static CliException present(String pid) {
    return new CliException(
        CliFault.ATTACH,
        "JVM " + pid + ": Weir is in this JVM already, and nothing was changed",
        "see: weir doctor " + pid);
  }

  /** How the attach API of one Java reports what another Java answered. */
  private static boolean isOtherJava(Throwable t) {
    String said = String.valueOf(t.getMessage()).trim();
    return said.equals("0") || said.startsWith("Non-numeric value found");
  }

  private static CliException refused(String pid, Throwable t) {
    String why = String.valueOf(t.getMessage() == null ? t : t.getMessage()).trim();
    String advice = "is it a JVM of this user, on this machine? see: jps -l";
    if (why.contains("dynamic agent loading") || why.contains("EnableDynamicAgentLoading")) {
      advice = "it was started with -XX:-EnableDynamicAgentLoading: start it with -javaagent";
    } else if (why.contains("DisableAttachMechanism")) {
      advice = "it was started with -XX:+DisableAttachMechanism: start it with -javaagent";
    } else if (why.matches("[0-9]+")) { // Java 8
      why = "it could not load the agent (error " + why + ")";
      advice = "its stderr says why; can its user read the jar?";
    }
    return new CliException(CliFault.ATTACH, "JVM " + pid + ": " + why, advice);
  }

  /** Whether the Java that runs this command can attach to others. */
  static boolean canAttach() {
    try {
      vmClass();
      return true;
    } catch (CliException none) {
      return false;
    }
  }

  private static Class<?> vmClass() {
    try {
      return Class.forName(
          "com.sun.tools.attach.VirtualMachine", true, ClassLoader.getSystemClassLoader());
    } catch (ClassNotFoundException java8) {
      Class<?> type = inToolsJar();
      if (type != null) {
        return type;
      }
      throw new CliException(
          CliFault.ATTACH,
          "this Java (" + System.getProperty("java.home") + ") has no attach API",
          "run this command with a JDK, not a runtime only; its version need not be that of the"
              + " other JVM");
    }
  }

  /** A JDK 8 has it in a jar of its own. */
  private static @Nullable Class<?> inToolsJar() {
    File tools = new File(jdkHome(), "lib/tools.jar");
    if (!tools.isFile()) {
      return null;
    }
    try {
      ClassLoader loader =
          new URLClassLoader(new URL[] {tools.toURI().toURL()}, ClassLoader.getSystemClassLoader());
      return Class.forName("com.sun.tools.attach.VirtualMachine", true, loader);
    } catch (ClassNotFoundException | MalformedURLException | LinkageError unusable) {
      return null;
    }
  }

  /** Up to Java 8 the runtime lies in a folder of the JDK. */
  private static File jdkHome() {
    File home = new File(System.getProperty("java.home"));
    File parent = home.getParentFile();
    return home.getName().equals("jre") && parent != null ? parent : home;
  }

  /**
   * What {@code jcmd PID COMMAND} says.
   *
   * @throws Trouble when there is no jcmd or it fails
   */
  static String ask(String pid, String... command) {
    File jcmd = new File(jdkHome(), "bin/jcmd");
    if (!jcmd.canExecute()) {
      throw new CliException(
          CliFault.ATTACH, "no jcmd beside this Java, " + jcmd, "run this command with a JDK");
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
        throw new CliException(
            CliFault.ATTACH,
            "jcmd " + pid + ": " + first(said.toString("UTF-8"), pid),
            "is it a JVM of this user, on this machine? see: jps -l");
      }
      return said.toString("UTF-8");
    } catch (IOException e) {
      throw new CliException(CliFault.ATTACH, "jcmd " + pid + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CliException(CliFault.ATTACH, "interrupted");
    }
  }

  /** The first line that says something: jcmd begins with the process id. */
  private static String first(String said, String pid) {
    for (String line : said.split("\n")) {
      if (!line.trim().isEmpty() && !line.trim().equals(pid + ":")) {
        return line.trim();
      }
    }
    return "it failed without a word";
  }
}
