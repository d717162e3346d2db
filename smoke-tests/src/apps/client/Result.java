import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** What became of a call. Told twice is told as well: the line says so. */
public final class Result {
  private final AtomicInteger times = new AtomicInteger();
  private final CountDownLatch done = new CountDownLatch(1);
  private volatile String line;
  private volatile Runnable cancel;
  private volatile boolean cancelled;

  /** How it is cancelled. */
  public void onCancel(Runnable how) {
    cancel = how;
    if (cancelled) {
      how.run();
    }
  }

  void cancel() {
    cancelled = true;
    Runnable how = cancel;
    if (how != null) {
      how.run();
    }
  }

  /** Asks an answer for one header; null when it has none of the name. */
  public interface Headers {
    String first(String name);
  }

  /**
   * @param status as the library prints it: 200, NOT_FOUND
   * @param url of the request that the answer names, where the library keeps it; else null
   */
  public void answered(Object status, Headers headers, String url, String body) {
    tell(
        "status="
            + status
            + " rejected="
            + headers.first("X-Weir-Rejected")
            + " retry="
            + headers.first("Retry-After")
            + " hint="
            + headers.first("X-Hint")
            + " url="
            + url
            + " body="
            + body);
  }

  public void failed(Throwable t) {
    tell("threw=" + t.getClass().getName() + " " + t.getMessage());
  }

  private void tell(String what) {
    int n = times.incrementAndGet();
    line = (n > 1 ? "TOLD " + n + " TIMES " : "") + what.replace('\n', ' ').replace('\r', ' ');
    done.countDown();
  }

  String await() throws InterruptedException {
    return done.await(60, TimeUnit.SECONDS) ? line : "NEVER TOLD";
  }
}
