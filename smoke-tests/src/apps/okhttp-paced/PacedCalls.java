import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.Dispatcher;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;

/**
 * Enqueues calls whose dispatcher's executor fails in every way an executor can, and counts how
 * often each callback is called: a line {@code MODE calls=N never=... once=... more=...
 * failed=...} each.
 */
public final class PacedCalls {
  private static final int CALLS = 200;

  enum Mode {
    FINE,
    REJECTS,
    NO_THREAD,
    QUEUES_AND_REJECTS,
    QUEUES_AND_NO_THREAD,
    DIRECT_AND_CALLBACK_THROWS,
    CANCELLED_MEANWHILE,
    CANCELLED_AND_REJECTS
  }

  public static void main(String[] args) throws Exception {
    System.out.println("READY 0");
    System.in.read(); // told when the rule is in force
    for (Mode mode : Mode.values()) {
      run(mode);
    }
    System.exit(0);
  }

  private static void run(Mode mode) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    ExecutorService canceller = Executors.newSingleThreadExecutor();
    OkHttpClient client = client(new Fickle(mode, pool));
    AtomicInteger[] called = new AtomicInteger[CALLS];
    AtomicInteger failed = new AtomicInteger();
    CountDownLatch all = new CountDownLatch(CALLS);
    List<Call> calls = new ArrayList<>();
    for (int i = 0; i < CALLS; i++) {
      AtomicInteger n = called[i] = new AtomicInteger();
      Call call = client.newCall(new Request.Builder().url("http://paced/" + i).build());
      calls.add(call);
      call.enqueue(
          new Callback() {
            @Override
            public void onFailure(Call c, IOException e) {
              failed.incrementAndGet();
              ended();
            }

            @Override
            public void onResponse(Call c, Response r) {
              r.close();
              ended();
            }

            private void ended() {
              if (n.incrementAndGet() == 1) {
                all.countDown();
              }
              if (mode == Mode.DIRECT_AND_CALLBACK_THROWS) {
                throw new RejectedExecutionException("the application's own");
              }
            }
          });
      if (mode.name().startsWith("CANCELLED")) {
        canceller.execute(call::cancel);
      }
    }
    all.await(20, TimeUnit.SECONDS);
    canceller.shutdown();
    canceller.awaitTermination(10, TimeUnit.SECONDS);
    settle();
    pool.shutdown();
    pool.awaitTermination(10, TimeUnit.SECONDS);
    int[] times = new int[3];
    for (AtomicInteger n : called) {
      times[Math.min(2, n.get())]++;
    }
    System.out.println(
        mode + " calls=" + CALLS + " never=" + times[0] + " once=" + times[1] + " more=" + times[2]
            + " failed=" + failed + " running=" + client.dispatcher().runningCallsCount());
  }

  /** What the pacing thread was told before has been done: it does one thing after the other. */
  private static void settle() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(1);
    OkHttpClient client = client(new Fickle(Mode.FINE, pool));
    CountDownLatch both = new CountDownLatch(2);
    for (int i = 0; i < 2; i++) { // of two, one at least has to wait
      client
          .newCall(new Request.Builder().url("http://paced/last").build())
          .enqueue(
              new Callback() {
                @Override
                public void onFailure(Call c, IOException e) {
                  both.countDown();
                }

                @Override
                public void onResponse(Call c, Response r) {
                  r.close();
                  both.countDown();
                }
              });
    }
    both.await(20, TimeUnit.SECONDS);
    pool.shutdown();
    pool.awaitTermination(10, TimeUnit.SECONDS);
  }

  private static OkHttpClient client(ExecutorService executor) {
    Dispatcher dispatcher = new Dispatcher(executor);
    dispatcher.setMaxRequests(10_000);
    dispatcher.setMaxRequestsPerHost(10_000);
    return new OkHttpClient.Builder()
        .dispatcher(dispatcher)
        .addInterceptor(
            chain ->
                new Response.Builder()
                    .request(chain.request())
                    .protocol(Protocol.HTTP_1_1)
                    .code(200)
                    .message("OK")
                    .body(ResponseBody.create(null, ""))
                    .build())
        .build();
  }

  /** Lets OkHttp's own tasks run, so that every call gets as far as waiting for its turn. */
  private static final class Fickle extends AbstractExecutorService {
    private final Mode mode;
    private final ExecutorService pool;

    Fickle(Mode mode, ExecutorService pool) {
      this.mode = mode;
      this.pool = pool;
    }

    @Override
    public void execute(Runnable task) {
      if (task.getClass().getName().startsWith("okhttp3.")) {
        pool.execute(task);
        return;
      }
      switch (mode) {
        case REJECTS:
        case CANCELLED_AND_REJECTS:
          throw new RejectedExecutionException("full");
        case NO_THREAD:
          throw new OutOfMemoryError("unable to create native thread");
        case QUEUES_AND_REJECTS:
          pool.execute(task);
          throw new RejectedExecutionException("full");
        case QUEUES_AND_NO_THREAD:
          pool.execute(task);
          throw new OutOfMemoryError("unable to create native thread");
        case DIRECT_AND_CALLBACK_THROWS:
          task.run();
          break;
        default:
          pool.execute(task);
      }
    }

    @Override
    public void shutdown() {
      pool.shutdown();
    }

    @Override
    public List<Runnable> shutdownNow() {
      return pool.shutdownNow();
    }

    @Override
    public boolean isShutdown() {
      return pool.isShutdown();
    }

    @Override
    public boolean isTerminated() {
      return pool.isTerminated();
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
      return pool.awaitTermination(timeout, unit);
    }
  }
}
