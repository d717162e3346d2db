package io.weir.agent.cli;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import org.jspecify.annotations.Nullable;

/**
 * The {@code -javaagent:} options of another JVM of this machine, and whose agents they are: that
 * stands in a jar's manifest, and in neither its name nor its folder.
 */
final class JavaAgents {
  private static final String OPTION = "-javaagent:";

  /** Jars that are not Weir's, as the command line names them. */
  final List<String> others = new ArrayList<String>();

  /** Whether one of them is Weir's. */
  final boolean weir;

  /**
   * @param commandLine what {@code jcmd PID VM.command_line} says
   * @param directory where that JVM was started, for relative paths; null where it is not known
   */
  JavaAgents(String commandLine, @Nullable File directory) {
    boolean ours = false;
    for (String line : commandLine.split("\n")) {
      if (!line.startsWith("jvm_args: ")) {
        continue;
      }
      String options = line.substring("jvm_args:".length());
      for (int at; (at = options.indexOf(" " + OPTION)) >= 0; ) {
        options = options.substring(at + 1 + OPTION.length());
        String jar = path(options, directory);
        if (isWeir(file(jar, directory))) {
          ours = true;
        } else {
          others.add(jar);
        }
      }
    }
    weir = ours;
  }

  /**
   * The path at the beginning of the options. They stand side by side with spaces between, and a
   * path may have spaces, too: it ends where there is a file of that name.
   */
  private static String path(String options, @Nullable File directory) {
    int equals = options.indexOf('=');
    String longest = equals < 0 ? options : options.substring(0, equals);
    for (int end = longest.length(); end > 0; end = longest.lastIndexOf(' ', end - 1)) {
      String path = longest.substring(0, end);
      if (file(path, directory).isFile()) {
        return path;
      }
    }
    // a file that is gone, or that only that JVM sees: up to the next option
    int next = longest.indexOf(" -");
    return (next < 0 ? longest : longest.substring(0, next)).trim();
  }

  private static File file(String path, @Nullable File directory) {
    File f = new File(path);
    return f.isAbsolute() || directory == null ? f : new File(directory, path);
  }

  private static boolean isWeir(File jar) {
    try (JarFile j = new JarFile(jar, false)) {
      Manifest manifest = j.getManifest();
      return manifest != null
          && "io.weir.agent.Premain".equals(manifest.getMainAttributes().getValue("Premain-Class"));
    } catch (IOException unreadable) {
      return false;
    }
  }
}
