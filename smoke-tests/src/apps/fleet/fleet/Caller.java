package fleet;

import java.io.BufferedReader;
import java.io.InputStreamReader;

/**
 * Calls one target about every millisecond while told to, and prints a line whenever the answer changes between refused
 * and not: {@code EDGE refused|admitted NANOS}. Nanos are CLOCK_MONOTONIC, the same for every process of the machine.
 */
public final class Caller {
  private static volatile boolean going;

  private Caller() {}

  public static void main(String[] args) throws Exception {
    Dial dial = new Dial(args.length > 2 ? args[2] : "127.0.0.1", args[1], args[0]);
    Thread loop = new Thread(() -> loop(dial), "caller");
    loop.setDaemon(true);
    loop.start();
    System.out.println("READY 0");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      if (line.equals("once")) {
        System.out.println("ONCE " + dial.call() + " " + System.nanoTime());
      } else {
        going = line.equals("go");
      }
    }
  }

  private static void loop(Dial dial) {
    String before = "";
    while (true) {
      if (going) {
        String now = dial.call().equals("refused") ? "refused" : "admitted";
        if (!now.equals(before)) {
          System.out.println("EDGE " + now + " " + System.nanoTime());
          before = now;
        }
      }
      java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
    }
  }
}
