package io.weir.agent;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import org.jspecify.annotations.Nullable;

/**
 * What this JVM was started to run. The JDK's tools and our own command line inherit {@code
 * JAVA_TOOL_OPTIONS} from the container of an application; they are no applications, and the agent
 * leaves them alone.
 *
 * <p>An application is never taken for a tool by its file name, nor by the folder it lies in: a
 * tool's main class comes from the JDK's own files, and our command line's from a jar with our
 * manifest.
 */
final class Program {
  private static final String COMMAND_LINE = "io.weir.agent.Main";

  /** {@code java Hello.java}: an application, although a class of the compiler starts it. */
  private static final String SOURCE_LAUNCHER = "jdk.compiler/com.sun.tools.javac.launcher.";

  private Program() {}

  /** The tool that this JVM runs, in words for a person; null for an application. */
  static @Nullable String tool() {
    return tool(
        System.getProperty("jdk.module.main"),
        System.getProperty("sun.java.command", ""),
        System.getProperty("java.class.path", ""));
  }

  /**
   * @param module the module of the main class where the launcher was given one; the launchers of
   *     the JDK's tools give it since Java 9
   * @param command the main class, or the jar as it was given, and the arguments after a space
   * @param classPath the jar comes first in it where the JVM was started with {@code -jar}
   */
  static @Nullable String tool(@Nullable String module, String command, String classPath) {
    int space = command.indexOf(' ');
    String main = space < 0 ? command : command.substring(0, space);
    if (module != null) {
      boolean jdk = module.startsWith("java.") || module.startsWith("jdk.");
      return jdk && !command.startsWith(SOURCE_LAUNCHER) ? main + " of the JDK" : null;
    }
    if (main.equals(COMMAND_LINE) || isOurJar(command, classPath)) {
      return "Weir's command line";
    }
    // Java 8's launchers, and whoever names the class of a tool himself
    boolean perhaps =
        main.startsWith("sun.") || main.startsWith("com.sun.") || main.startsWith("jdk.");
    return perhaps && isOfJdk(main) ? main + " of the JDK" : null;
  }

  /** A jar's path may have spaces: the command alone does not tell where it ends. */
  private static boolean isOurJar(String command, String classPath) {
    int end = classPath.indexOf(File.pathSeparatorChar);
    String first = end < 0 ? classPath : classPath.substring(0, end);
    if (first.isEmpty() || !(command.equals(first) || command.startsWith(first + " "))) {
      return false;
    }
    // the system loader has opened this file: that it is opened again costs next to nothing
    try (JarFile jar = new JarFile(first, false)) {
      if (jar.getEntry(Pack.ENTRY) == null) {
        return false;
      }
      Manifest manifest = jar.getManifest();
      return manifest != null
          && COMMAND_LINE.equals(manifest.getMainAttributes().getValue(Attributes.Name.MAIN_CLASS));
    } catch (IOException unreadable) {
      return false;
    }
  }

  /** An application server may have a main class in {@code com.sun.}, too. */
  private static boolean isOfJdk(String main) {
    URL file = ClassLoader.getSystemResource(main.replace('.', '/') + ".class");
    if (file == null) {
      return false;
    }
    String place = file.toString();
    if (place.startsWith("jrt:/java.") || place.startsWith("jrt:/jdk.")) {
      return true;
    }
    File home = new File(System.getProperty("java.home", ""));
    // Java 8: the tools' classes lie beside the runtime, in lib/tools.jar
    if (home.getName().equals("jre") && home.getParentFile() != null) {
      home = home.getParentFile();
    }
    String files = home.toURI().toString();
    return place.startsWith("jar:" + (files.endsWith("/") ? files : files + "/"));
  }
}
