import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Hands work over in every way, once with a colour and once without, and prints which colour each
 * piece of work saw: a line {@code NAME coloured=... plain=...} each.
 */
public final class Threads {
  interface Way {
    void run(Callable<String> look, AtomicReference<String> seen) throws Exception;
  }

  private static Method swap;
  private static Method current;
  private static Object colour;

  /** The agent's own class, as nobody but a test would use it. */
  static void findColour() throws Exception {
    Class<?> type = Class.forName("io.weir.bootstrap.Colour", true, null);
    swap = type.getMethod("swap", type);
    current = type.getMethod("current");
    colour = type.getMethod("of", String[].class).invoke(null, (Object) new String[] {"c", "1"});
  }

  public static void main(String[] args) throws Exception {
    findColour();
    ExecutorService one = Executors.newSingleThreadExecutor();
    // told when the agent has woven, which it does when the first rule has arrived
    System.in.read();
    ForkJoinPool fork = new ForkJoinPool(1);
    ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
    way("submit", (look, seen) -> seen.set(one.submit(look).get()));
    way("execute", (look, seen) -> run(one, look, seen));
    way("invokeAll", (look, seen) -> seen.set(one.invokeAll(List.of(look)).get(0).get()));
    way("invokeAny", (look, seen) -> seen.set(one.invokeAny(List.of(look))));
    way("completion", (look, seen) -> {
      ExecutorCompletionService<String> c = new ExecutorCompletionService<>(one);
      c.submit(look);
      seen.set(c.take().get());
    });
    way("schedule", (look, seen) -> seen.set(timer.schedule(look, 1, TimeUnit.MILLISECONDS).get()));
    way("timerExecute", (look, seen) -> run(timer, look, seen));
    way("forkSubmit", (look, seen) -> seen.set(fork.submit(look).get()));
    way("forkExecute", (look, seen) -> run(fork, look, seen));
    way("supplyAsync", (look, seen) -> seen.set(CompletableFuture.supplyAsync(() -> get(look)).get()));
    way("runAsync", (look, seen) ->
        CompletableFuture.runAsync(() -> seen.set(get(look)), one).get());
    way("thenApply", (look, seen) -> {
      // completed by another thread, without colour, after the stage was registered
      CompletableFuture<String> start = new CompletableFuture<>();
      CompletableFuture<String> end = start.thenApply(x -> get(look));
      plain(() -> one.execute(() -> start.complete("x")));
      seen.set(end.get());
    });
    way("thenCompose", (look, seen) -> {
      CompletableFuture<String> start = new CompletableFuture<>();
      CompletableFuture<String> end =
          start.thenComposeAsync(x -> CompletableFuture.completedFuture(get(look)), one);
      plain(() -> one.execute(() -> start.complete("x")));
      seen.set(end.get());
    });
    way("handle", (look, seen) -> {
      CompletableFuture<String> start = new CompletableFuture<>();
      CompletableFuture<String> end = start.handle((x, t) -> get(look));
      plain(() -> one.execute(() -> start.completeExceptionally(new IllegalStateException())));
      seen.set(end.get());
    });
    way("whenComplete", (look, seen) -> {
      CompletableFuture<String> start = new CompletableFuture<>();
      CompletableFuture<String> end = start.whenComplete((x, t) -> seen.set(get(look)));
      plain(() -> one.execute(() -> start.complete("x")));
      end.get();
    });
    way("exceptionally", (look, seen) -> {
      CompletableFuture<String> start = new CompletableFuture<>();
      CompletableFuture<String> end = start.exceptionally(t -> get(look));
      plain(() -> one.execute(() -> start.completeExceptionally(new IllegalStateException())));
      seen.set(end.get());
    });
    way("thenCombine", (look, seen) -> {
      CompletableFuture<String> start = new CompletableFuture<>();
      CompletableFuture<String> end =
          start.thenCombine(CompletableFuture.completedFuture("y"), (x, y) -> get(look));
      plain(() -> one.execute(() -> start.complete("x")));
      seen.set(end.get());
    });
    if (Runtime.version().feature() >= 21) {
      Method make = Executors.class.getMethod("newVirtualThreadPerTaskExecutor");
      ExecutorService virtual = (ExecutorService) make.invoke(null);
      way("virtualSubmit", (look, seen) -> seen.set(virtual.submit(look).get()));
      way("virtualExecute", (look, seen) -> run(virtual, look, seen));
      Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
      way("virtualStart", (look, seen) ->
          ((Thread) start.invoke(null, (Runnable) () -> seen.set(get(look)))).join());
    }
    CountDownLatch rounds = new CountDownLatch(3);
    List<String> repeated = new java.util.concurrent.CopyOnWriteArrayList<>();
    bind(() ->
        timer.scheduleAtFixedRate(
            () -> {
              repeated.add(now());
              rounds.countDown();
            },
            1, 1, TimeUnit.MILLISECONDS));
    rounds.await();
    System.out.println("repeated " + new ArrayList<>(repeated).subList(0, 3));
    // a queue of the application's own sees what the application put there when nothing is coloured
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new SynchronousQueue<>());
    Runnable task = () -> {};
    pool.setRejectedExecutionHandler((r, e) -> System.out.println("identity " + (r == task)));
    pool.shutdown();
    pool.execute(task);
    System.out.println("READY 0");
    System.exit(0);
  }

  static void way(String name, Way way) throws Exception {
    System.out.println(name + " coloured=" + see(way, true) + " plain=" + see(way, false));
  }

  private static String see(Way way, boolean coloured) throws Exception {
    AtomicReference<String> seen = new AtomicReference<>("nothing");
    Callable<String> look = Threads::now;
    if (coloured) {
      bind(() -> {
        way.run(look, seen);
        return null;
      });
    } else {
      way.run(look, seen);
    }
    return seen.get();
  }

  private static void bind(Callable<?> work) throws Exception {
    Object before = swap.invoke(null, colour);
    try {
      work.call();
    } finally {
      swap.invoke(null, before);
    }
  }

  private static void plain(Runnable work) throws Exception {
    Object before = swap.invoke(null, new Object[] {null});
    try {
      work.run();
    } finally {
      swap.invoke(null, before);
    }
  }

  private static void run(
      java.util.concurrent.Executor on, Callable<String> look, AtomicReference<String> seen)
      throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    on.execute(() -> {
      seen.set(get(look));
      done.countDown();
    });
    done.await();
  }

  private static String get(Callable<String> look) {
    try {
      return look.call();
    } catch (Exception e) {
      return e.toString();
    }
  }

  /** The colour of this thread: the value of its tag, or "-". */
  static String now() {
    try {
      Object c = current.invoke(null);
      Object v = c.getClass().getMethod("get", String.class).invoke(c, "c");
      return v == null ? "-" : v.toString();
    } catch (ReflectiveOperationException e) {
      return e.toString();
    }
  }
}
