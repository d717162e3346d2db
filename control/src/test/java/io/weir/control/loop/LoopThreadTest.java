package io.weir.control.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nothing that a task throws ends the loop, or a chain. */
@Timeout(60)
class LoopThreadTest {
  private static final long MILLI = 1_000_000L;

  private final List<String> warned = Collections.synchronizedList(new ArrayList<>());
  private final LoopThread loop =
      new LoopThread(
          "loop-under-test",
          new Log() {
            @Override
            public void info(String line) {}

            @Override
            public void warn(String line) {
              warned.add(line);
            }
          });

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void tasksRunInTheOrderTheyCameIn() throws Exception {
    List<Integer> ran = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch all = new CountDownLatch(1000);
    for (int i = 0; i < 1000; i++) {
      int n = i;
      loop.execute(
          () -> {
            ran.add(n);
            all.countDown();
          });
    }
    all.await();
    assertThat(ran).hasSize(1000).isSorted();
  }

  @Test
  void timersRunWhenTheyAreDueAndCancelledOnesNever() throws Exception {
    List<String> ran = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch last = new CountDownLatch(1);
    loop.schedule(() -> ran.add("c"), 600 * MILLI);
    loop.schedule(() -> ran.add("a"), 200 * MILLI);
    Loop.Timer never = loop.schedule(() -> ran.add("never"), 300 * MILLI);
    loop.schedule(() -> ran.add("b"), 400 * MILLI);
    loop.schedule(last::countDown, 800 * MILLI);
    never.cancel();
    last.await();
    assertThat(ran).containsExactly("a", "b", "c");
  }

  @Test
  void manyTimersInAnyOrderKeepTheirOrder() throws Exception {
    record Due(long earliest, long latest) {}
    List<Due> ran = Collections.synchronizedList(new ArrayList<>());
    AtomicInteger never = new AtomicInteger();
    CountDownLatch all = new CountDownLatch(500);
    Random random = new Random(7);
    loop.execute( // all are put before the first is run
        () -> {
          List<Loop.Timer> cancelled = new ArrayList<>();
          for (int i = 0; i < 500; i++) {
            long delay = random.nextInt(200) * MILLI;
            long[] put = {loop.now(), 0};
            loop.schedule(
                () -> {
                  ran.add(new Due(put[0] + delay, put[1] + delay));
                  all.countDown();
                },
                delay);
            put[1] = loop.now();
            cancelled.add(loop.schedule(never::incrementAndGet, random.nextInt(200) * MILLI));
          }
          cancelled.forEach(Loop.Timer::cancel);
        });
    all.await();
    assertThat(never).hasValue(0);
    long before = Long.MIN_VALUE;
    for (Due d : ran) {
      assertThat(d.latest)
          .as("none that was surely due earlier runs later")
          .isGreaterThanOrEqualTo(before);
      before = Math.max(before, d.earliest);
    }
  }

  @Test
  void aChainSurvivesWhateverItsStepThrows() throws Exception {
    List<Throwable> all =
        List.of(
            new OutOfMemoryError("planted"),
            new StackOverflowError(),
            new NoClassDefFoundError("planted"),
            new IllegalStateException("planted"),
            new AssertionError("planted"));
    AtomicInteger steps = new AtomicInteger();
    CountDownLatch survived = new CountDownLatch(3);
    loop.every(
        "planted",
        MILLI,
        () -> {
          int n = steps.getAndIncrement();
          if (n < all.size()) {
            LoopThreadTest.<RuntimeException>sneak(all.get(n));
          }
          survived.countDown();
        });
    survived.await();
    assertThat(loop.failures()).isEqualTo(all.size());
    assertThat(warned).as("told once a minute").singleElement().asString().contains("'planted'");
  }

  @Test
  void aStepThatMakesTheNextOneDueAndThrowsKeepsThatTime() throws Exception {
    CountDownLatch twice = new CountDownLatch(2);
    AtomicReference<Loop.Chain> chain = new AtomicReference<>();
    long began = System.nanoTime();
    chain.set(
        loop.chain(
            "planted",
            TimeUnit.HOURS.toNanos(1),
            () -> {
              twice.countDown();
              chain.get().in(5 * MILLI);
              throw new IllegalStateException("planted");
            }));
    chain.get().in(0);
    twice.await();
    assertThat(System.nanoTime() - began).isGreaterThan(5 * MILLI);
  }

  @Test
  void aCancelledChainIsIdleUntilItIsDueAgain() throws Exception {
    AtomicInteger steps = new AtomicInteger();
    AtomicReference<Loop.Chain> chain = new AtomicReference<>();
    CountDownLatch looked = new CountDownLatch(1);
    chain.set(
        loop.chain(
            "once",
            MILLI,
            () -> {
              steps.incrementAndGet();
              chain.get().cancel();
            }));
    chain.get().in(0);
    loop.schedule(looked::countDown, 50 * MILLI);
    looked.await();
    assertThat(steps).hasValue(1);
    CountDownLatch again = new CountDownLatch(1);
    chain.get().in(0);
    loop.execute(again::countDown);
    again.await();
    assertThat(steps).hasValue(2);
  }

  @Test
  void aHeapThatIsReallyFullEndsNeitherTheLoopNorAChain() throws Exception {
    AtomicInteger steps = new AtomicInteger();
    loop.every("beats", MILLI, steps::incrementAndGet);
    // an array that no heap can hold: the JVM's own OutOfMemoryError, twenty times over
    for (int i = 0; i < 20; i++) {
      loop.execute(() -> steps.addAndGet(new long[Integer.MAX_VALUE].length));
    }
    CountDownLatch after = new CountDownLatch(1);
    loop.schedule(after::countDown, 50 * MILLI);
    after.await();
    int now = steps.get();
    CountDownLatch later = new CountDownLatch(1);
    loop.schedule(later::countDown, 50 * MILLI);
    later.await();
    assertThat(steps.get()).isGreaterThan(now);
    assertThat(loop.failures()).isEqualTo(20);
  }

  @Test
  void anInterruptEndsNothing() throws Exception {
    AtomicReference<Thread> thread = new AtomicReference<>();
    CountDownLatch known = new CountDownLatch(1);
    loop.execute(
        () -> {
          thread.set(Thread.currentThread());
          known.countDown();
        });
    known.await();
    thread.get().interrupt();
    CountDownLatch after = new CountDownLatch(1);
    loop.schedule(after::countDown, 10 * MILLI);
    after.await();
  }

  @Test
  void closingRunsWhatIsDueInterruptsWhatHangsAndDropsTheRest() throws Exception {
    AtomicInteger ran = new AtomicInteger();
    CountDownLatch interrupted = new CountDownLatch(1);
    loop.execute(ran::incrementAndGet);
    loop.schedule(ran::incrementAndGet, TimeUnit.HOURS.toNanos(1));
    loop.close();
    assertThat(ran).hasValue(1);
    loop.execute(ran::incrementAndGet);
    assertThat(ran).hasValue(1);
    LoopThread stuck = new LoopThread("stuck", Log.NONE);
    stuck.execute(
        () -> {
          try {
            new CountDownLatch(1).await();
          } catch (InterruptedException e) {
            interrupted.countDown();
          }
        });
    stuck.close(20 * MILLI);
    interrupted.await();
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> void sneak(Throwable t) throws T {
    throw (T) t;
  }
}
