package io.weir.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** As woven code calls it; with the JDK woven: {@code TaskIdentityTest} of the smoke tests. */
class TaskColoursTest {
  private static final Colour RED = Colour.of("c", "red");
  private static final Colour BLUE = Colour.of("c", "blue");

  @BeforeEach
  @AfterEach
  void noColour() {
    Colour.swap(Colour.NONE);
  }

  private static void give(Object task, Colour colour) {
    Colour before = Colour.swap(colour);
    TaskColours.given(task);
    TaskColours.executed(task, null);
    Colour.swap(before);
  }

  private static Colour run(Object task) {
    TaskColours.workerIsIdle();
    TaskColours.taken(task);
    Colour seen = Colour.current();
    TaskColours.workerIsIdle();
    return seen;
  }

  @Test
  void aTaskRunsInTheColourItWasGivenIn() {
    Object task = new Object();
    Object plain = new Object();
    give(task, RED);
    give(plain, Colour.NONE);
    assertThat(run(plain)).isSameAs(Colour.NONE);
    assertThat(run(task)).isSameAs(RED);
    assertThat(run(task)).as("once").isSameAs(Colour.NONE);
    give(task, BLUE);
    assertThat(run(task)).as("the same object later, in another colour").isSameAs(BLUE);
  }

  @Test
  void oneObjectTwiceInOneColourKeepsIt() {
    Object task = new Object();
    give(task, RED);
    give(task, RED);
    assertThat(run(task)).isSameAs(RED);
    assertThat(run(task)).isSameAs(RED);
    assertThat(run(task)).isSameAs(Colour.NONE);
    give(task, RED);
    give(task, Colour.of("c", "red")); // another request's
    assertThat(run(task).get("c")).isEqualTo("red");
    assertThat(run(task).get("c")).isEqualTo("red");
  }

  @Test
  void oneObjectTwiceInDifferentColoursLosesBothAndIsCounted() {
    for (Colour[] two : new Colour[][] {{RED, BLUE}, {RED, Colour.NONE}, {Colour.NONE, RED}}) {
      Object task = new Object();
      long lost = TaskColours.lost();
      give(task, two[0]);
      give(task, two[1]);
      int coloured = (two[0] == Colour.NONE ? 0 : 1) + (two[1] == Colour.NONE ? 0 : 1);
      assertThat(TaskColours.lost() - lost).isEqualTo(coloured);
      assertThat(run(task)).isSameAs(Colour.NONE);
      assertThat(run(task)).isSameAs(Colour.NONE);
      give(task, BLUE);
      assertThat(run(task)).as("nothing is left of them").isSameAs(BLUE);
    }
  }

  /** Any order of giving and running, by a model that knows which objects wait in which colours. */
  @Test
  void noTaskEverRunsInAColourThatOneOfItsWaitingSubmissionsHasNot() {
    long seed = Long.getLong("weir.test.seed", System.nanoTime());
    Random random = new Random(seed);
    Object[] tasks = new Object[40];
    for (int i = 0; i < tasks.length; i++) {
      tasks[i] = new Object();
    }
    Colour[] colours = {Colour.NONE, RED, BLUE};
    Map<Object, List<Colour>> waiting = new HashMap<>();
    Map<Object, Boolean> mixed = new HashMap<>();
    Deque<Object> queue = new ArrayDeque<>();
    for (int i = 0; i < 200_000; i++) {
      if (queue.size() < 30 && random.nextBoolean()) {
        Object task = tasks[random.nextInt(tasks.length)];
        Colour colour = colours[random.nextInt(3)];
        List<Colour> all = waiting.computeIfAbsent(task, t -> new ArrayList<>());
        mixed.merge(
            task,
            !all.isEmpty() && !all.contains(colour),
            (old, now) -> !all.isEmpty() && old | now);
        all.add(colour);
        give(task, colour);
        queue.add(task);
      } else if (!queue.isEmpty()) {
        Object task = queue.remove();
        Colour seen = run(task);
        List<Colour> all = waiting.get(task);
        assertThat(seen)
            .as("seed %d, step %d", seed, i)
            .isSameAs(mixed.get(task) ? Colour.NONE : all.get(0));
        all.remove(0);
      }
    }
  }

  @Test
  void aTaskThatWasRejectedIsForgotten() {
    Object task = new Object();
    Colour.swap(RED);
    TaskColours.given(task);
    TaskColours.executed(task, new IllegalStateException("rejected"));
    Colour.swap(Colour.NONE);
    assertThat(run(task)).isSameAs(Colour.NONE);
    for (Object handler :
        new Object[] {
          new ThreadPoolExecutor.CallerRunsPolicy(),
          new ThreadPoolExecutor.DiscardPolicy(),
          new ThreadPoolExecutor.DiscardOldestPolicy()
        }) {
      Colour.swap(RED);
      TaskColours.given(task);
      TaskColours.rejected(handler, task);
      TaskColours.executed(task, null);
      Colour.swap(Colour.NONE);
      assertThat(run(task)).isSameAs(Colour.NONE);
    }
    Colour.swap(RED);
    TaskColours.given(task);
    TaskColours.rejected(new Object(), task);
    TaskColours.executed(task, null);
    Colour.swap(Colour.NONE);
    assertThat(run(task)).as("another handler may have queued it").isSameAs(RED);
  }

  @Test
  void aFutureCarriesItsOwnColour() {
    FutureTask<?> future = new FutureTask<>(() -> null);
    int waiting = TaskColours.waiting();
    give(future, RED);
    assertThat(TaskColours.waiting()).isEqualTo(waiting);
    assertThat(run(future)).isSameAs(Colour.NONE);
  }

  @Test
  void aThreadThatWaitedWhenTheJdkWasWovenGetsTheColourOfItsFirstTask() throws Exception {
    BlockingQueue<Colour> seen = new ArrayBlockingQueue<>(2);
    Object task = new Object();
    give(task, RED);
    Thread old =
        new Thread(
            () -> {
              TaskColours.aboutToRun(task);
              seen.add(Colour.current());
              TaskColours.workerIsIdle();
              TaskColours.taken(null);
              TaskColours.aboutToRun(task); // from now on the first of the two is there
              seen.add(Colour.current());
            });
    old.start();
    assertThat(seen.poll(20, TimeUnit.SECONDS)).isSameAs(RED);
    give(task, BLUE);
    old.join();
    assertThat(seen.poll()).isSameAs(Colour.NONE);
    assertThat(run(task)).isSameAs(BLUE);
  }

  @Test
  void tasksThatNeverRunAreNotKept() {
    int before = TaskColours.waiting();
    for (int i = 0; i < 1000; i++) {
      give(new Object(), RED);
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (TaskColours.waiting() > before + 10 && System.nanoTime() < end) {
      System.gc();
      Object task = new Object();
      give(task, RED);
      run(task);
    }
    assertThat(TaskColours.waiting()).isLessThanOrEqualTo(before + 10);
  }

  @Test
  void memoryIsBounded() {
    List<Object> held = new ArrayList<>();
    long lost = TaskColours.lost();
    for (int i = 0; i < TaskColours.MOST + 1000; i++) {
      Object task = new Object();
      held.add(task);
      give(task, RED);
    }
    assertThat(TaskColours.waiting()).isLessThanOrEqualTo(TaskColours.MOST);
    assertThat(TaskColours.lost() - lost).isGreaterThanOrEqualTo(1000);
    int kept = 0;
    for (Object task : held) {
      kept += run(task) == RED ? 1 : 0;
    }
    assertThat(kept).isGreaterThan(TaskColours.MOST - 2000);
  }

  /** Two threads give, two run, objects of their own and one that all share. */
  @Test
  void racingThreadsNeverMixColours() throws Exception {
    Object shared = new Object();
    AtomicInteger wrong = new AtomicInteger();
    BlockingQueue<Object[]> queue = new ArrayBlockingQueue<>(64);
    List<Thread> threads = new ArrayList<>();
    int rounds = 50_000;
    for (Colour mine : new Colour[] {RED, BLUE}) {
      threads.add(
          new Thread(
              () -> {
                for (int i = 0; i < rounds; i++) {
                  Object task = i % 5 == 0 ? shared : new Object();
                  Colour colour = i % 3 == 0 ? Colour.NONE : mine;
                  give(task, colour);
                  put(queue, new Object[] {task, colour});
                }
              }));
      threads.add(
          new Thread(
              () -> {
                for (int i = 0; i < rounds; i++) {
                  Object[] next = poll(queue);
                  Colour seen = run(next[0]);
                  boolean right = next[0] == shared || seen == next[1];
                  wrong.addAndGet(right ? 0 : 1);
                }
              }));
    }
    for (Thread t : threads) {
      t.start();
    }
    for (Thread t : threads) {
      t.join();
    }
    assertThat(wrong).hasValue(0);
    assertThat(run(shared)).as("all have run").isSameAs(Colour.NONE);
  }

  private static void put(BlockingQueue<Object[]> queue, Object[] next) {
    try {
      queue.put(next);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Object[] poll(BlockingQueue<Object[]> queue) {
    try {
      return queue.take();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
