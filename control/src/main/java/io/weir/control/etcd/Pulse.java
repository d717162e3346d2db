package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whether a watch lives: even one that says nothing may be dead.
 *
 * <p>So etcd is asked to say something on it, at once and 0.75 s after each answer, and when
 * nothing comes within 0.75 s, the watch counts as mute: 1.5 s after a connection went mute at the
 * latest, so that two seconds are enough to know what happened on it. Where etcd is slower, it gets
 * four times what its last answer took, and twice the time after a doubt that found nothing
 * changed, up to 6 s. An etcd that has never answered (one before 3.4 does not) is not held to it.
 *
 * <p>On the loop only; what it learned of etcd's pace outlives the single watch.
 */
final class Pulse {
  private static final long PING_NANOS = TimeUnit.MILLISECONDS.toNanos(750);
  private static final long PONG_NANOS = TimeUnit.MILLISECONDS.toNanos(750);

  private final Loop loop;
  private final Runnable mute;

  /** Null: none is under way. */
  private Wire.@Nullable Watch watch;

  private Loop.@Nullable Timer timer;

  /** Messages of the watch, to tell whether it answers. */
  private long heard;

  /** Whether this etcd has ever answered. */
  private boolean pongs;

  /** How long a ping may go without answer. */
  private long pongNanos = PONG_NANOS;

  private boolean pinged;
  private long pingedAt;

  /** Whether the present doubt is ours. */
  private boolean doubted;

  /**
   * @param mute told when a watch does not answer; it is no longer asked then
   */
  Pulse(Loop loop, Runnable mute) {
    this.loop = loop;
    this.mute = mute;
  }

  /**
   * From now on this watch is asked; at once, because what is known of etcd's pace may be of
   * another time: an etcd that was slow a moment ago would be waited for too long when it falls
   * silent now.
   */
  void follow(Wire.Watch created) {
    watch = created;
    pinged = false;
    ping();
  }

  /** The watch has ended: nothing is asked any more. */
  void stop() {
    watch = null;
    if (timer != null) {
      timer.cancel();
    }
  }

  /**
   * A message of the watch.
   *
   * @param answer whether it is nothing but an answer
   */
  void heard(boolean answer) {
    heard++;
    if (answer) {
      pongs = true;
      if (pinged) {
        pinged = false;
        long took = loop.now() - pingedAt;
        pongNanos = Math.max(PONG_NANOS, Math.min(8 * PONG_NANOS, 4 * took));
        later();
      }
    }
  }

  /**
   * All was read again.
   *
   * @param changed whether the watch had kept something from us
   */
  void readAgain(boolean changed) {
    if (doubted) {
      doubted = false;
      pongNanos = changed ? pongNanos : Math.min(8 * PONG_NANOS, 2 * pongNanos);
    }
  }

  private void later() {
    in(PING_NANOS, this::ping);
  }

  private void in(long nanos, Runnable task) {
    if (timer != null) {
      timer.cancel();
    }
    timer = loop.schedule(task, nanos);
  }

  private void ping() {
    Wire.Watch asked = watch;
    if (asked == null) {
      return;
    }
    final long before = heard;
    if (!pinged || !pongs) {
      pinged = true;
      pingedAt = loop.now();
    }
    asked.ping();
    in(
        pongNanos,
        () -> {
          if (!pongs) {
            later();
          } else if (heard == before) {
            doubted = true;
            mute.run();
          } else {
            ping(); // events came, the answer did not: they may have been the last
          }
        });
  }
}
