package rollout;

import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Calls a service at a steady rate and writes one line for each call to a file: {@code START END ANSWER}, nanos of
 * CLOCK_MONOTONIC, the same for every process of the machine.
 *
 * <p>On stdin: {@code meet SERVICE NAME...} calls until each name has answered; {@code go SERVICE RATE TIMEOUT_MS FILE};
 * {@code stop}.
 */
public final class Load {
  private static final int THREADS = 32;

  private final Dial dial;
  private final long every;
  private final OutputStream out;
  private final long began = System.nanoTime();
  private final AtomicLong slots = new AtomicLong();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean over;

  private Load(String service, long rate, long timeoutMillis, OutputStream out) {
    dial = new Dial(service, timeoutMillis);
    every = 1_000_000_000 / rate;
    this.out = out;
  }

  public static void main(String[] args) throws Exception {
    System.out.println("READY 0");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    Load load = null;
    for (String line; (line = in.readLine()) != null; ) {
      String[] w = line.split(" ");
      if (w[0].equals("meet")) {
        Load once = new Load(w[1], 1, 5000, null);
        Set<String> missing = new HashSet<>(List.of(w).subList(2, w.length));
        while (!missing.isEmpty()) {
          missing.remove(once.dial.call().split(" ")[0]);
          LockSupport.parkNanos(5_000_000);
        }
      } else if (w[0].equals("go")) {
        load = new Load(w[1], Long.parseLong(w[2]), Long.parseLong(w[3]), new FileOutputStream(w[4]));
        load.go();
      } else {
        load.stop();
      }
      System.out.println("DONE " + line);
    }
  }

  private void go() {
    for (int i = 0; i < THREADS; i++) {
      Thread t = new Thread(this::loop, "load-" + i);
      t.setDaemon(true);
      t.start();
      threads.add(t);
    }
  }

  private void stop() throws Exception {
    over = true;
    for (Thread t : threads) {
      t.join();
    }
    out.close();
  }

  private void loop() {
    while (!over) {
      long due = began + slots.getAndIncrement() * every;
      for (long now; (now = System.nanoTime()) < due; ) {
        LockSupport.parkNanos(due - now);
      }
      long start = System.nanoTime();
      String answer = dial.call();
      write((start + " " + System.nanoTime() + " " + answer + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private synchronized void write(byte[] line) {
    try {
      out.write(line);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
