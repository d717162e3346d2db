package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * When to try again after a log-in was refused.
 *
 * <p>A wrong password is tried again after 1 s doubling to a minute, because a check costs etcd
 * some 50 ms of CPU, times the fleet. But whether it may have been mended costs nothing to ask:
 * etcd tells anybody how many raft entries it has applied and how many revisions its keys have, and
 * a change of users raises the first and not the second. So their difference is looked at twice a
 * second, from aside, by the client that was refused, and when it has changed, the log-in is tried
 * at once. Other things change it, too (leases, transactions that write nothing), so after four
 * tries in vain on its account the next ones wait 1, 2, 4 ... s. An etcd that does not tell (from
 * 3.7 on only to root) leaves the schedule as it is. The password's own file, where there is one,
 * is looked at as often: {@link #fileChanged}.
 *
 * <p>On the loop only. It owns the refused client until the next try, and closes it then.
 */
final class LoginRetry {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long UNKNOWN = Long.MIN_VALUE;
  private static final int FREE_TRIES = 4;

  private final Loop loop;
  private final BoundedAnswers answers;
  private final Runnable logIn;
  private final Runnable lookAtFiles;

  /** Null: no log-in stands refused. */
  private @Nullable EtcdClient refused;

  private final Loop.Chain due;

  /** What was applied aside from keys, as known before the last log-in, and at the last look. */
  private long known = UNKNOWN;

  private long latest = UNKNOWN;

  /** Log-ins tried in vain because that had changed. */
  private int rash;

  /**
   * @param logIn tries a log-in, by another client
   * @param lookAtFiles asked twice a second while a log-in stands refused
   */
  LoginRetry(Loop loop, BoundedAnswers answers, Runnable logIn, Runnable lookAtFiles) {
    this.loop = loop;
    this.answers = answers;
    this.logIn = logIn;
    this.lookAtFiles = lookAtFiles;
    due = loop.chain("log-in", SECOND, this::tryNow);
  }

  /** A log-in of this client was refused: the next one in {@code delayNanos}, or earlier. */
  void refused(EtcdClient client, long delayNanos) {
    refused = client;
    latest = UNKNOWN;
    long early = Math.min(60 * SECOND, SECOND << Math.min(6, Math.max(0, rash - FREE_TRIES)));
    due.in(delayNanos);
    look(client, loop.now() + early);
  }

  /** There may be another password than the one that was refused. */
  void fileChanged() {
    if (refused != null) {
      tryNow();
    }
  }

  /** Somebody was let in. */
  void accepted() {
    rash = 0;
  }

  /** Nothing is tried any more. */
  void close() {
    EtcdClient last = refused;
    refused = null;
    due.cancel();
    if (last != null) {
      last.close();
    }
  }

  /** The same number twice: what is being written just now blurs it. */
  private void look(EtcdClient client, long from) {
    loop.schedule(
        () -> {
          if (refused == client) {
            lookAtFiles.run();
            client.aside(
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
                          look(client, from);
                        }
                      }

                      @Override
                      public void failed(EtcdCallException e) {
                        look(client, from);
                      }
                    }));
          }
        },
        LOOK_NANOS);
  }

  private void tryNow() {
    rash = latest == UNKNOWN || latest == known ? 0 : rash + 1;
    known = latest == UNKNOWN ? known : latest;
    close();
    logIn.run();
  }
}
