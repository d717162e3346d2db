package io.weir.control.etcd;

import io.weir.control.loop.Loop;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds watches whose connection is dead: such a watch looks like one without events.
 *
 * <p>It pings etcd on the watch, at once and 0.75 s after each answer. When no message comes within
 * 0.75 s, the watch counts as mute. So a dead connection is found within 1.5 s, and two seconds are
 * enough to have its changes. A slower etcd gets more time, up to 6 s: four times what its last
 * answer took, and twice as long after a false alarm (nothing had changed). An etcd that has never
 * answered a ping (before 3.4 it does not) is never called mute.
 *
 * <p>On the loop only. What it knows of etcd's speed is kept from one watch to the next.
 */
final class WatchProbe {
  private static final long PING_NANOS = TimeUnit.MILLISECONDS.toNanos(750);
  private static final long PONG_NANOS = TimeUnit.MILLISECONDS.toNanos(750);

  private final Loop loop;
  private final Runnable mute;

  /** The watch that is pinged; null: none. */
  private EtcdClient.@Nullable Watch watch;

  private final Loop.Chain beats;

  /** How many messages the watch has sent. */
  private long messages;

  /** Whether this etcd has ever answered a ping. */
  private boolean answersPings;

  /** How long a ping may be without an answer. */
  private long pongNanos = PONG_NANOS;

  /** What the next beat does: true: check for an answer to the ping; false: send one. */
  private boolean pingSent;

  /** {@link #messages} when the last ping was sent. */
  private long messagesAtPing;

  /** Whether a ping is without an answer, and since when. */
  private boolean unanswered;

  private long pingedAt;

  /** Whether the reading under way was caused by {@link #mute}. */
  private boolean calledMute;

  /**
   * @param mute is called when a watch does not answer; then it is no longer pinged
   */
  WatchProbe(Loop loop, Runnable mute) {
    this.loop = loop;
    this.mute = mute;
    beats = loop.chain("etcd's pulse", 8 * PONG_NANOS, this::onBeat);
  }

  /**
   * Starts to ping this watch. The first ping is sent at once, because the known speed of etcd may
   * be out of date: after a slow answer, a dead connection would be noticed too late.
   */
  void follow(EtcdClient.Watch created) {
    watch = created;
    unanswered = false;
    ping();
  }

  /** The watch has ended: it is no longer pinged. */
  void stop() {
    watch = null;
    beats.cancel();
  }

  /**
   * The watch has sent a message.
   *
   * @param answer whether it has no events, and so answers a ping
   */
  void onMessage(boolean answer) {
    messages++;
    if (answer) {
      answersPings = true;
      if (unanswered) {
        unanswered = false;
        long took = loop.now() - pingedAt;
        pongNanos = Math.max(PONG_NANOS, Math.min(8 * PONG_NANOS, 4 * took));
        pingLater();
      }
    }
  }

  /**
   * The whole range was read again.
   *
   * @param changed whether the watch had missed changes
   */
  void readAgain(boolean changed) {
    if (calledMute) {
      calledMute = false;
      pongNanos = changed ? pongNanos : Math.min(8 * PONG_NANOS, 2 * pongNanos);
    }
  }

  private void pingLater() {
    pingSent = false;
    beats.in(PING_NANOS);
  }

  private void onBeat() {
    if (!pingSent) {
      ping();
    } else if (!answersPings) {
      pingLater();
    } else if (messages == messagesAtPing) {
      beats.cancel();
      calledMute = true;
      mute.run();
    } else {
      ping(); // events came but no answer: the connection may have died after them
    }
  }

  private void ping() {
    EtcdClient.Watch current = watch;
    if (current == null) {
      beats.cancel();
      return;
    }
    messagesAtPing = messages;
    if (!unanswered || !answersPings) {
      unanswered = true;
      pingedAt = loop.now();
    }
    pingSent = true;
    beats.in(pongNanos);
    current.ping();
  }
}
