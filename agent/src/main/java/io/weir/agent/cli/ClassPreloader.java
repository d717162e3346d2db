package io.weir.agent.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * What makes a command about etcd answer sooner. Nine tenths of its time go into loading a thousand
 * classes of gRPC, its transport and protobuf, one after the other as each is first used. So a
 * second thread loads and verifies them from a list, in that order and without initialising any,
 * while the first reads options and configuration. For the command line only; the agent, in an
 * application, never does this.
 *
 * <p>The list is {@code weir-cli-classes} in the jar, written and checked by {@code CliStartTest}:
 * a class that is missing there is loaded when it is used, one too many costs a little time.
 */
final class ClassPreloader extends Thread {
  private static final String LIST = "weir-cli-classes";

  private ClassPreloader() {
    super("weir-headstart");
    setDaemon(true);
  }

  /** Begins, if this command is going to ask etcd. */
  static void give(Cli.Name command, String[] args, Map<String, String> environment) {
    if (!command.asksStore()
        || inFiles(args, environment)
        || "false".equals(System.getProperty("weir.headstart"))) {
      return;
    }
    new ClassPreloader().start();
  }

  /** As far as can be told without reading everything; in doubt it asks etcd. */
  private static boolean inFiles(String[] args, Map<String, String> environment) {
    boolean files = String.valueOf(environment.get("WEIR_RULES")).startsWith("file:");
    for (int i = 0; i < args.length; i++) {
      String arg = args[i];
      if (arg.equals("-h") || arg.equals("--help") || arg.equals("help")) {
        return true;
      }
      if (arg.startsWith("--etcd")) {
        files = false;
      } else if (arg.startsWith("--rules") || arg.startsWith("--admin")) {
        files = !arg.equals("--rules=etcd") && !(i + 1 < args.length && args[i + 1].equals("etcd"));
      }
    }
    return files;
  }

  @Override
  @SuppressWarnings("ReturnValueIgnored") // a class is linked, and so verified, by being asked
  public void run() {
    ClassLoader loader = ClassPreloader.class.getClassLoader();
    InputStream list = loader.getResourceAsStream(LIST);
    if (list == null) {
      return; // not in a jar: under test
    }
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(list, StandardCharsets.US_ASCII))) {
      for (String name; (name = in.readLine()) != null; ) {
        try {
          Class.forName(name, false, loader).getConstructors();
        } catch (ClassNotFoundException | LinkageError older) {
          // whoever needs it will say so
        }
      }
    } catch (IOException damaged) {
      // then later
    }
  }
}
