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
final class WatchProbe {
  private static final long PING_NANOS = TimeUnit.MILLISECONDS.toNanos(750);
  private static final long PONG_NANOS = TimeUnit.MILLISECONDS.toNanos(750);

  private final Loop loop;
  private final Runnable mute;

  /** Null: none is under way. */
  private EtcdClient.@Nullable Watch watch;

  private final Loop.Chain beats;

  /** Messages of the watch, to tell whether it answers. */
  private long heard;

  /** Whether this etcd has ever answered. */
  private boolean pongs;

  /** How long a ping may go without answer. */
  private long pongNanos = PONG_NANOS;

  /** Whether the next beat is to see what became of a ping, not to send one. */
  private boolean asked;

  private long heardWhenAsked;
  private boolean pinged;
  private long pingedAt;

  /** Whether the present doubt is ours. */
  private boolean doubted;

  /**
   * @param mute told when a watch does not answer; it is no longer asked then
   */
  WatchProbe(Loop loop, Runnable mute) {
    this.loop = loop;
    this.mute = mute;
    beats = loop.chain("etcd's pulse", 8 * PONG_NANOS, this::beat);
  }

  /**
   * From now on this watch is asked; at once, because what is known of etcd's pace may be of
   * another time: an etcd that was slow a moment ago would be waited for too long when it falls
   * silent now.
   */
  void follow(EtcdClient.Watch created) {
    watch = created;
    pinged = false;
    ping();
  }

  /** The watch has ended: nothing is asked any more. */
  void stop() {
    watch = null;
    beats.cancel();
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
    asked = false;
    beats.in(PING_NANOS);
  }

  private void beat() {
    if (!asked) {
      ping();
    } else if (!pongs) {
      later();
    } else if (heard == heardWhenAsked) {
      beats.cancel();
      doubted = true;
      mute.run();
    } else {
      ping(); // events came, the answer did not: they may have been the last
    }
  }

  private void ping() {
    EtcdClient.Watch toAsk = watch;
    if (toAsk == null) {
      beats.cancel();
      return;
    }
    heardWhenAsked = heard;
    if (!pinged || !pongs) {
      pinged = true;
      pingedAt = loop.now();
    }
    asked = true;
    beats.in(pongNanos);
    toAsk.ping();
  }
}
