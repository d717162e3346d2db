package rollout;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/**
 * What an instance is told on stdin: {@code sick} and {@code well} (what its health check says),
 * {@code release} (lets held calls go).
 */
final class Orders {
  private static final CountDownLatch RELEASED = new CountDownLatch(1);

  private Orders() {}

  /** Obeys until stdin ends; then the process goes on. */
  static void obey(Consumer<Boolean> well) {
    Thread t =
        new Thread(
            () -> {
              try {
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
                for (String line; (line = in.readLine()) != null; ) {
                  if (line.equals("release")) {
                    RELEASED.countDown();
                  } else {
                    well.accept(line.equals("well"));
                  }
                  System.out.println("DONE " + line);
                }
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            },
            "orders");
    t.setDaemon(true);
    t.start();
  }

  /** Says that a call is held and holds it. */
  static void hold() {
    System.out.println("HOLDING");
    try {
      RELEASED.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
