package io.weir.agent.log;

import java.io.PrintStream;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The agent's own log: one line each on stderr (never stdout), or in the file of {@code weir.log}.
 * No logging framework, so that the application's is neither initialised nor configured by us.
 *
 * <p>Safe for any thread. Line breaks and control characters in a message are escaped: rules,
 * headers and peers must not be able to forge a line.
 */
public final class AgentLog {
  /** From most to least talkative. */
  public enum Level {
    DEBUG,
    INFO,
    WARN,
    OFF
  }

  private static final AgentLog SHARED = new AgentLog();

  private volatile PrintStream out = System.err;
  private volatile Level level = Level.INFO;
  private final ConcurrentHashMap<String, AtomicLong> lastByKey =
      new ConcurrentHashMap<String, AtomicLong>();

  private AgentLog() {}

  public static AgentLog get() {
    return SHARED;
  }

  /** Once, at start. */
  public void configure(Level level, @Nullable PrintStream to) {
    this.level = level;
    if (to != null) {
      this.out = to;
    }
  }

  public boolean isEnabled(Level l) {
    return l.ordinal() >= level.ordinal() && l != Level.OFF;
  }

  public void info(String message) {
    line(Level.INFO, message);
  }

  public void warn(String message) {
    line(Level.WARN, message);
  }

  public void debug(String message) {
    line(Level.DEBUG, message);
  }

  /** At most one line per key and minute; the rest is dropped (whoever calls keeps the count). */
  public void warnOncePerMinute(String key, String message) {
    long now = System.nanoTime();
    AtomicLong last = lastByKey.get(key);
    if (last == null) {
      if (lastByKey.size() > 1000) {
        return;
      }
      AtomicLong fresh = new AtomicLong(now);
      last = lastByKey.putIfAbsent(key, fresh);
      if (last == null) {
        warn(message);
        return;
      }
    }
    long before = last.get();
    if (now - before > 60_000_000_000L && last.compareAndSet(before, now)) {
      warn(message);
    }
  }

  private void line(Level l, String message) {
    if (isEnabled(l)) {
      String tag = l == Level.INFO ? "[weir] " : "[weir] " + l + " ";
      out.println(tag + clean(message));
    }
  }

  static String clean(String message) {
    StringBuilder b = null;
    for (int i = 0; i < message.length(); i++) {
      char c = message.charAt(i);
      boolean bad = c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029;
      if (bad && b == null) {
        b = new StringBuilder(message.length() + 8).append(message, 0, i);
      }
      if (b != null) {
        if (bad) {
          b.append(String.format("\\u%04x", (int) c));
        } else {
          b.append(c);
        }
      }
    }
    return b == null ? message : b.toString();
  }
}
