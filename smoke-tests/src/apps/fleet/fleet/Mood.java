package fleet;

import java.io.BufferedReader;
import java.io.InputStreamReader;

/**
 * How a target behaves, told by lines on stdin: {@code fail NAME|all}, {@code plain} (as a service's own error),
 * {@code shed} (as a refusal of the service's own Weir), {@code hang}, {@code mend}, {@code arm}, {@code disarm}.
 */
final class Mood {
  private static volatile String failing = "";
  private static volatile boolean hanging;
  static volatile boolean plain;
  static volatile boolean shed;
  private static volatile boolean armed;

  private Mood() {}

  /** Prints the call when armed; true: answer well. */
  static boolean good(String caller) {
    if (armed) {
      System.out.println("HIT " + caller + " " + System.nanoTime());
    }
    while (hanging) {
      java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
    }
    return !failing.equals("all") && !failing.equals(caller);
  }

  static void listen() throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String[] word = line.split(" ");
      switch (word[0]) {
        case "fail" -> failing = word[1];
        case "plain" -> plain = true;
        case "shed" -> shed = true;
        case "hang" -> hanging = true;
        case "arm" -> armed = true;
        case "disarm" -> armed = false;
        default -> {
          failing = "";
          hanging = false;
          plain = false;
          shed = false;
        }
      }
      System.out.println("DONE " + line);
    }
  }
}
