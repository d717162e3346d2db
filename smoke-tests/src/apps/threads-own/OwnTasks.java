import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.RunnableScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Looks at its own tasks wherever the JDK shows them, while a colour is bound: a line {@code NAME
 * ok} for each, or what was seen instead.
 */
public final class OwnTasks {
  private static final double JAVA =
      Double.parseDouble(System.getProperty("java.specification.version"));
  private static Method swap;
  private static Method current;
  private static Object red;
  private static Object blue;

  /** As an application's own: its queue, its hooks and its handler know no other. */
  static final class Task implements Runnable {
    final int rank;
    final CountDownLatch done = new CountDownLatch(1);
    final List<String> seen = new java.util.concurrent.CopyOnWriteArrayList<>();

    Task(int rank) {
      this.rank = rank;
    }

    @Override
    public void run() {
      seen.add(now());
      done.countDown();
    }
  }

  interface Check {
    void run() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    Class<?> type = Class.forName("io.weir.bootstrap.Colour", true, null);
    swap = type.getMethod("swap", type);
    current = type.getMethod("current");
    Method of = type.getMethod("of", String[].class);
    red = of.invoke(null, (Object) new String[] {"c", "red"});
    blue = of.invoke(null, (Object) new String[] {"c", "blue"});
    // threads that wait for work when the agent weaves
    ThreadPoolExecutor early = pool(2, new LinkedBlockingQueue<>());
    early.prestartAllCoreThreads();
    System.out.println("READY 0");
    System.in.read();

    check("threads that waited when the JDK was woven", () -> {
      for (int i = 0; i < 20; i++) {
        Task t = new Task(i);
        bind(red, () -> early.execute(t));
        t.done.await();
        equal(Arrays.asList("red"), t.seen);
        Task plain = new Task(i);
        early.execute(plain);
        plain.done.await();
        equal(Arrays.asList("-"), plain.seen);
      }
    });
    check("a queue with a comparator of the application's", OwnTasks::priorities);
    check("queue, remove and shutdownNow show the task itself", OwnTasks::queue);
    check("hooks get the task itself", OwnTasks::hooks);
    check("rejection handlers get the task itself", OwnTasks::rejection);
    check("a handler that queues the task keeps its colour", OwnTasks::requeued);
    check("decorateTask gets the task itself", OwnTasks::decorated);
    check("a thread factory's thread has the colour of its first task", OwnTasks::factory);
    check("one object under two colours loses them", OwnTasks::twice);
    check("a task that throws leaves nothing on its thread", OwnTasks::throwing);
    check("executors of the application's get no task of ours", OwnTasks::foreign);
    check("futures print the task itself", OwnTasks::printed);
    check("a pool of virtual threads keeps no colour", OwnTasks::virtual);
    System.exit(0);
  }

  private static void priorities() throws Exception {
    ThreadPoolExecutor pool =
        pool(1, new PriorityBlockingQueue<>(11, (a, b) -> ((Task) b).rank - ((Task) a).rank));
    CountDownLatch go = new CountDownLatch(1);
    pool.execute(() -> await(go)); // a first task is not compared; the others wait behind it
    List<Task> tasks = new ArrayList<>();
    for (int i = 1; i <= 50; i++) {
      Task t = new Task(i);
      tasks.add(t);
      bind(i % 2 == 0 ? red : null, () -> pool.execute(t));
    }
    go.countDown();
    for (Task t : tasks) {
      t.done.await();
      equal(Arrays.asList(t.rank % 2 == 0 ? "red" : "-"), t.seen);
    }
    pool.shutdown();
  }

  private static void queue() throws Exception {
    ThreadPoolExecutor pool = pool(1, new LinkedBlockingQueue<>());
    CountDownLatch go = new CountDownLatch(1);
    CountDownLatch busy = new CountDownLatch(1);
    pool.execute(() -> {
      busy.countDown();
      await(go);
    });
    busy.await();
    Task a = new Task(1);
    Task b = new Task(2);
    bind(red, () -> {
      pool.execute(a);
      pool.execute(b);
    });
    equal(true, pool.getQueue().peek() == a);
    equal(true, pool.getQueue().contains(b));
    equal(true, pool.remove(a));
    List<Runnable> never = pool.shutdownNow();
    equal(1, never.size());
    equal(true, never.get(0) == b);
    go.countDown();
  }

  static final class Hooked extends ThreadPoolExecutor {
    final List<Object> before = new java.util.concurrent.CopyOnWriteArrayList<>();
    final BlockingQueue<Object> after = new LinkedBlockingQueue<>();

    Hooked(int threads) {
      super(threads, threads, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>());
    }

    @Override
    protected void beforeExecute(Thread t, Runnable r) {
      before.add(r);
    }

    @Override
    protected void afterExecute(Runnable r, Throwable t) {
      after.add(r);
    }
  }

  private static void hooks() throws Exception {
    Hooked pool = new Hooked(1);
    for (int i = 0; i < 3; i++) {
      Task t = new Task(i);
      bind(red, () -> pool.execute(t));
      equal(true, pool.after.take() == t);
      equal(true, pool.before.get(i) == t);
      equal(Arrays.asList("red"), t.seen);
    }
    pool.shutdown();
  }

  private static void rejection() throws Exception {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new SynchronousQueue<>());
    List<Object> rejected = new ArrayList<>();
    pool.setRejectedExecutionHandler((r, e) -> rejected.add(r));
    pool.shutdown();
    Task t = new Task(1);
    bind(red, () -> pool.execute(t));
    equal(1, rejected.size());
    equal(true, rejected.get(0) == t);
    ThreadPoolExecutor caller =
        new ThreadPoolExecutor(
            1, 1, 1, TimeUnit.SECONDS, new ArrayBlockingQueue<>(1),
            new ThreadPoolExecutor.CallerRunsPolicy());
    CountDownLatch go = new CountDownLatch(1);
    caller.execute(() -> await(go));
    caller.execute(() -> {});
    Task here = new Task(2);
    bind(red, () -> caller.execute(here));
    equal(Arrays.asList("red"), here.seen);
    go.countDown();
    caller.shutdown();
  }

  private static void requeued() throws Exception {
    ThreadPoolExecutor pool = pool(1, new ArrayBlockingQueue<>(1));
    pool.setRejectedExecutionHandler((r, e) -> {
      try {
        e.getQueue().put(r); // waits for room
      } catch (InterruptedException x) {
        throw new IllegalStateException(x);
      }
    });
    List<Task> tasks = new ArrayList<>();
    bind(red, () -> {
      for (int i = 0; i < 50; i++) {
        Task t = new Task(i);
        tasks.add(t);
        pool.execute(t);
      }
    });
    for (Task t : tasks) {
      t.done.await();
      equal(Arrays.asList("red"), t.seen);
    }
    pool.shutdown();
  }

  private static void decorated() throws Exception {
    List<Object> seen = new ArrayList<>();
    ScheduledThreadPoolExecutor pool =
        new ScheduledThreadPoolExecutor(1) {
          @Override
          protected <V> RunnableScheduledFuture<V> decorateTask(
              Runnable r, RunnableScheduledFuture<V> f) {
            seen.add(r);
            return f;
          }

          @Override
          protected <V> RunnableScheduledFuture<V> decorateTask(
              Callable<V> c, RunnableScheduledFuture<V> f) {
            seen.add(c);
            return f;
          }
        };
    Task t = new Task(1);
    Callable<String> c = OwnTasks::now;
    List<String> got = new ArrayList<>();
    bind(red, () -> {
      pool.execute(t);
      got.add(pool.schedule(c, 1, TimeUnit.MILLISECONDS).get());
    });
    t.done.await();
    equal(Arrays.asList("red"), t.seen);
    equal(Arrays.asList("red"), got);
    equal(true, seen.get(0) == t && seen.get(1) == c);
    pool.shutdownNow();
  }

  private static void factory() throws Exception {
    List<String> made = new ArrayList<>();
    ThreadFactory own = r -> {
      made.add(r.getClass().getName());
      return new Thread(r);
    };
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), own);
    Task first = new Task(1);
    bind(red, () -> pool.execute(first));
    first.done.await();
    equal(Arrays.asList("red"), first.seen);
    equal(Arrays.asList("java.util.concurrent.ThreadPoolExecutor$Worker"), made);
    Task second = new Task(2);
    pool.execute(second);
    second.done.await();
    equal(Arrays.asList("-"), second.seen);
    pool.shutdown();
  }

  private static void twice() throws Exception {
    Object[][] pairs = {{red, blue}, {red, null}, {null, red}};
    for (Object[] pair : pairs) {
      ThreadPoolExecutor pool = pool(1, new LinkedBlockingQueue<>());
      CountDownLatch go = new CountDownLatch(1);
      CountDownLatch busy = new CountDownLatch(1);
      CountDownLatch both = new CountDownLatch(2);
      List<String> seen = new java.util.concurrent.CopyOnWriteArrayList<>();
      Runnable task = () -> {
        seen.add(now());
        both.countDown();
      };
      pool.execute(() -> {
        busy.countDown();
        await(go);
      });
      busy.await();
      bind(pair[0], () -> pool.execute(task));
      bind(pair[1], () -> pool.execute(task));
      go.countDown();
      both.await();
      equal(Arrays.asList("-", "-"), seen);
      Task later = new Task(1);
      bind(red, () -> pool.execute(later));
      later.done.await();
      equal(Arrays.asList("red"), later.seen);
      pool.shutdown();
    }
  }

  private static void throwing() throws Exception {
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            1, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(),
            r -> {
              Thread t = new Thread(r);
              t.setUncaughtExceptionHandler((x, e) -> seen.add(e.getMessage()));
              return t;
            });
    bind(red, () -> pool.execute(() -> {
      throw new IllegalStateException(now());
    }));
    equal("red", seen.take());
    Task t = new Task(1);
    pool.execute(t);
    t.done.await();
    equal(Arrays.asList("-"), t.seen);
    pool.shutdown();
  }

  private static void foreign() throws Exception {
    List<String> given = new java.util.concurrent.CopyOnWriteArrayList<>();
    java.util.concurrent.Executor own = r -> {
      given.add(r.getClass().getName());
      r.run();
    };
    bind(red, () -> {
      CompletableFuture.supplyAsync(OwnTasks::now, own).get();
      CompletableFuture.runAsync(() -> {}, own).thenApplyAsync(x -> now(), own).get();
    });
    equal(3, given.size());
    equal(true, given.stream().noneMatch(n -> n.startsWith("io.weir")));
  }

  private static void printed() throws Exception {
    Callable<String> named =
        new Callable<String>() {
          @Override
          public String call() {
            return now();
          }

          @Override
          public String toString() {
            return "the application's own";
          }
        };
    bind(red, () -> {
      String text = new java.util.concurrent.FutureTask<>(named).toString();
      equal(false, text.contains("weir"));
      if (JAVA >= 11) { // before, a future does not print its task
        equal(true, text.contains("the application's own"));
      }
    });
  }

  private static void virtual() throws Exception {
    if (JAVA < 21) {
      return;
    }
    Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
    ThreadFactory threads =
        (ThreadFactory)
            Class.forName("java.lang.Thread$Builder").getMethod("factory").invoke(builder);
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), threads);
    for (Object colour : Arrays.asList(red, null, blue, null)) {
      Task t = new Task(1);
      bind(colour, () -> pool.execute(t));
      t.done.await();
      equal(Arrays.asList(colour == red ? "red" : colour == blue ? "blue" : "-"), t.seen);
    }
    pool.shutdown();
  }

  private static ThreadPoolExecutor pool(int threads, BlockingQueue<Runnable> queue) {
    return new ThreadPoolExecutor(threads, threads, 1, TimeUnit.MINUTES, queue);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private static void check(String name, Check check) {
    try {
      check.run();
      System.out.println(name + ": ok");
    } catch (Throwable t) {
      System.out.println(name + ": " + t);
      t.printStackTrace();
    }
  }

  private static void equal(Object expected, Object actual) {
    if (!Objects.equals(expected, actual)) {
      throw new AssertionError("expected " + expected + " but got " + actual);
    }
  }

  private static void bind(Object colour, Check work) throws Exception {
    Object before = swap.invoke(null, colour == null ? none() : colour);
    try {
      work.run();
    } finally {
      swap.invoke(null, before);
    }
  }

  private static Object none() throws Exception {
    return swap.getDeclaringClass().getField("NONE").get(null);
  }

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
