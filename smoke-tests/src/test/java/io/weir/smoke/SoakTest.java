package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * Steady load, a rule changed every second, etcd restarted every minute, killed and stopped in
 * turn: no answer that the rules do not explain, no more threads and no more heap at the end than
 * at the first look. {@code smoke-tests/soak [MINUTES]} runs it.
 *
 * <p>In {@code ./verify} a minute of it, with etcd away for some seconds every ten: what is
 * promised is what is answered and what is left at the end, nothing about when.
 */
class SoakTest {
  private static final int MINUTES = Integer.getInteger("weir.soak.minutes", 0);
  private static final boolean BRIEF = MINUTES == 0;
  private static final int SECONDS = BRIEF ? 60 : MINUTES * 60;

  /** By the first look everything that a restart brings has happened twice. */
  private static final int LOOK_EVERY = BRIEF ? 20 : Math.max(30, MINUTES * 6);

  private static final int RESTART_EVERY = BRIEF ? 10 : 60;

  private static final Path SAID = Path.of("target", "soak.txt");
  private static final long SECOND = 1_000_000_000L;

  @Test
  void nothingIsUnexpectedAndNothingGrows() throws IOException {
    Files.deleteIfExists(SAID);
    List<Vitals> looks = new ArrayList<>();
    int changes = 0;
    int restarts = 0;
    double slowest = 0;
    double converged = 0;
    try (FaultRig rig = new FaultRig(EtcdServer.start())) {
      rig.jvms("etcd.endpoints=" + rig.etcd.endpoint()).traffic();
      long began = System.nanoTime();
      say("minute   passed   held   slowest ms   in force s   threads   heap MB");
      for (int s = 1; s <= SECONDS; s++) {
        pause(began + s * SECOND);
        if (s % RESTART_EVERY == RESTART_EVERY / 2) {
          boolean kill = restarts++ % 2 == 0;
          if (kill) {
            rig.etcd.kill();
          } else {
            rig.etcd.stop();
          }
          if (BRIEF) {
            pause(began + (s + 3) * SECOND);
          }
          rig.etcd.launch();
          converged = Math.max(converged, rig.converged(rig.awaitReads()));
        } else {
          rig.change(s);
        }
        changes++;
        if (s % LOOK_EVERY == 0) {
          Vitals v = Vitals.of(rig.jdks.get(0), rig.jvms.get(0));
          looks.add(v);
          double millis = rig.load().slowestMillis();
          slowest = Math.max(slowest, millis);
          say(
              "%6.1f %8d %6d %12.0f %12.2f %9d %9.2f",
              s / 60.0,
              rig.load().passed(),
              rig.load().held(),
              millis,
              converged,
              v.threadCount(),
              v.heap() / 1e6);
        }
      }
      assertThat(rig.load().unexpected()).as("answers that the rules do not explain").isEmpty();
      assertThat(rig.load().held()).isPositive();
      assertThat(rig.jvms.get(0).stderr())
          .allMatch(l -> l.startsWith("[weir] "))
          .noneMatch(l -> l.contains("fail-open"));
      Vitals first = looks.get(0);
      Vitals last = Vitals.settled(rig.jdks.get(0), rig.jvms.get(0), first);
      assertThat((last.heap() - first.heap()) / 1e6)
          .as("megabytes of live heap more than at the first look")
          .isLessThan(1);
      say(
          "soak of %d s: %d calls passed, %d held back, 0 unexpected; %d changes, %d restarts of"
              + " etcd, in force within %.2f s of its return; slowest call %.0f ms; heap %+.2f MB,"
              + " threads %+d between first and last look",
          SECONDS,
          rig.load().passed(),
          rig.load().held(),
          changes,
          restarts,
          converged,
          slowest,
          (last.heap() - first.heap()) / 1e6,
          last.threadCount() - first.threadCount());
    }
  }

  /** Until a moment; not at all when it is past. */
  private static void pause(long until) {
    for (long left; (left = until - System.nanoTime()) > 0; ) {
      LockSupport.parkNanos(left); // the pace is the experiment
    }
  }

  private static void say(String format, Object... values) throws IOException {
    String line = String.format(Locale.ROOT, format, values);
    Files.write(SAID, List.of(line), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    System.out.println(line);
  }
}
