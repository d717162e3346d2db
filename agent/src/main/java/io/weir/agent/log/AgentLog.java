package io.weir.agent.log;

import java.io.File;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The agent's own log: one line each on stderr (never stdout), or in the file of {@code weir.log}.
 * No logging framework, so that the application's is neither initialised nor configured by us.
 *
 * <p>Safe for any thread: a line is queued for {@link LogWriter} and written there. No method but
 * {@link #flush} waits, does I/O or throws. Line breaks and control characters in a message are
 * escaped: rules, headers and peers must not be able to forge a line.
 */
public final class AgentLog {
  /** From most to least talkative. */
  public enum Level {
    DEBUG,
    INFO,
    WARN,
    OFF
  }

  static final String WARN_TAG = "[weir] WARN ";

  /** How long the end of the JVM waits for lines that are still queued. */
  public static final long LAST_MILLIS = 200;

  private static final AgentLog SHARED = new AgentLog();

  private volatile Level level = Level.INFO;
  private volatile @Nullable LogWriter writer;
  private final ConcurrentHashMap<String, AtomicLong> lastByKey =
      new ConcurrentHashMap<String, AtomicLong>();

  private AgentLog() {}

  public static AgentLog get() {
    return SHARED;
  }

  /**
   * Starts the writer. Once, at start, on a thread that has nothing of the application's yet.
   *
   * @param file where to write; null for stderr. One that cannot be opened is told on stderr, which
   *     is written to instead
   */
  public void configure(Level level, @Nullable File file) {
    this.level = level;
    if (level != Level.OFF) {
      begin(file);
    }
  }

  private synchronized LogWriter begin(@Nullable File file) {
    LogWriter w = writer;
    if (w == null) {
      w = new LogWriter(file);
      w.start();
      writer = w;
      try {
        Runtime.getRuntime().addShutdownHook(new Last());
      } catch (IllegalStateException goingDown) {
        // then nothing waits for it
      }
    }
    return w;
  }

  /** A JVM that ends soon after a line still shows it. */
  private static final class Last extends Thread {
    Last() {
      super("weir-log-end");
    }

    @Override
    public void run() {
      SHARED.flush(LAST_MILLIS);
    }
  }

  /** Waits until what was said so far is written, for {@code millis} at most. */
  public void flush(long millis) {
    LogWriter w = writer;
    if (w != null) {
      try {
        w.flush(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Lines that were not written: their reader had stopped, the disk was full. */
  public long dropped() {
    LogWriter w = writer;
    return w == null ? 0 : w.dropped();
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

  /**
   * Whether a minute has passed since this last said yes for the key: then the caller writes its
   * line. For who would not make the line in vain.
   */
  public boolean isDue(String key) {
    long now = System.nanoTime();
    AtomicLong last = lastByKey.get(key);
    if (last == null) {
      if (lastByKey.size() > 1000) {
        return false;
      }
      last = lastByKey.putIfAbsent(key, new AtomicLong(now));
      if (last == null) {
        return true;
      }
    }
    long before = last.get();
    return now - before > 60_000_000_000L && last.compareAndSet(before, now);
  }

  private void line(Level l, String message) {
    if (!isEnabled(l)) {
      return;
    }
    LogWriter w = writer;
    try {
      if (w == null) {
        w = begin(null);
      }
      String tag = l == Level.INFO ? "[weir] " : "[weir] " + l + " ";
      w.offer(tag + clean(message));
    } catch (Throwable t) {
      // no memory, no thread, no stack: whoever logs has something better to do
      if (w != null) {
        w.lost();
      }
    }
  }

  static String clean(String whole) {
    String message =
        whole.length() <= LogWriter.MAX_LINE
            ? whole
            : whole.substring(0, LogWriter.MAX_LINE)
                + " ... ("
                + (whole.length() - LogWriter.MAX_LINE)
                + " characters more)";
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
