package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Decides when to log in again after a log-in was refused.
 *
 * <p>A refused password is tried again after 1 s doubling to a minute, because each log-in of each
 * instance costs etcd some 50 ms of CPU.
 *
 * <p>When users or passwords change in etcd, the log-in is tried at once. That is cheap to find
 * out: etcd tells without a log-in how many raft entries it has applied and how many revisions its
 * keys have, and a change of users raises only the first. Their difference ({@link
 * EtcdClient#authChangeCounter}) is read twice a second by the refused client. Other things change
 * it too (leases, transactions that write nothing), so after four log-ins in vain the next ones
 * wait 1, 2, 4 ... s. An etcd that does not tell it (from 3.7 on only root may ask) leaves the
 * schedule as it is. The files of password and certificates are checked as often: {@link
 * #fileChanged}.
 *
 * <p>On the loop only. It has the refused client until the next attempt and closes it then.
 */
final class LoginRetry {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long UNKNOWN = Long.MIN_VALUE;
  private static final int FREE_TRIES = 4;

  private final Loop loop;
  private final BoundedAnswers answers;
  private final Runnable logIn;
  private final Runnable checkFiles;

  /** The client whose log-in was refused; null: none. */
  private @Nullable EtcdClient refused;

  private final Loop.Chain due;

  /** The counter of {@link EtcdClient#authChangeCounter} before the last log-in. */
  private long known = UNKNOWN;

  /** The same counter when it was last read. */
  private long latest = UNKNOWN;

  /** How many log-ins in a row were refused although the counter had changed. */
  private int vainAttempts;

  /**
   * @param logIn logs in, by another client
   * @param checkFiles is called twice a second while a log-in is refused
   */
  LoginRetry(Loop loop, BoundedAnswers answers, Runnable logIn, Runnable checkFiles) {
    this.loop = loop;
    this.answers = answers;
    this.logIn = logIn;
    this.checkFiles = checkFiles;
    due = loop.chain("log-in", SECOND, this::tryNow);
  }

  /** The log-in of this client was refused. The next one is in {@code delayNanos} or earlier. */
  void refused(EtcdClient client, long delayNanos) {
    refused = client;
    latest = UNKNOWN;
    long early =
        Math.min(60 * SECOND, SECOND << Math.min(6, Math.max(0, vainAttempts - FREE_TRIES)));
    due.in(delayNanos);
    readCounter(client, loop.now() + early);
  }

  /** The password's file has changed: logs in at once. */
  void fileChanged() {
    if (refused != null) {
      tryNow();
    }
  }

  /** A log-in was accepted. */
  void accepted() {
    vainAttempts = 0;
  }

  /** Ends the attempts. */
  void close() {
    EtcdClient last = refused;
    refused = null;
    due.cancel();
    if (last != null) {
      last.close();
    }
  }

  /**
   * Reads the counter until it has changed, then logs in. It must have the same new value twice,
   * because writes that are under way change it for a moment.
   *
   * @param from not before this time
   */
  private void readCounter(EtcdClient client, long from) {
    loop.schedule(
        () -> {
          if (refused == client) {
            checkFiles.run();
            client.authChangeCounter(
                answers.onceWhile(
                    () -> refused == client,
                    new EtcdClient.Answer<Long>() {
                      @Override
                      public void ok(Long now) {
                        boolean changed = known != UNKNOWN && now != known && now == latest;
                        known = known == UNKNOWN ? now : known;
                        latest = now;
                        if (changed && loop.now() >= from) {
                          tryNow();
                        } else {
                          readCounter(client, from);
                        }
                      }

                      @Override
                      public void failed(EtcdCallException e) {
                        readCounter(client, from);
                      }
                    }));
          }
        },
        LOOK_NANOS);
  }

  private void tryNow() {
    vainAttempts = latest == UNKNOWN || latest == known ? 0 : vainAttempts + 1;
    known = latest == UNKNOWN ? known : latest;
    close();
    logIn.run();
  }
}
