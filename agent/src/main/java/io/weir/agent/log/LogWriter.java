package io.weir.agent.log;

import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The thread {@code weir-log}: the only one that writes the agent's log. Whoever logs puts a line
 * into a bounded queue and goes on. When whoever reads stderr has stopped, or the disk is full, the
 * queue fills up and further lines are dropped and counted. Lines that are written keep their
 * order.
 *
 * <p>It writes to the process's stderr itself, not to {@link System#err}: that stream may be the
 * application's own, and a writer that is blocked in it would hold its lock.
 *
 * <p>Thread-safe. The lock is held for moving a reference, never while something is written.
 */
final class LogWriter extends Thread {
  /** Bounds of the queue: about half a megabyte. */
  static final int MAX_LINES = 1024;

  static final int MAX_CHARS = 1 << 18;

  /** What a single line may have; the rest of it is cut off. */
  static final int MAX_LINE = 1 << 14;

  /** Where lines go. Used on the writer's thread only; may block for ever. */
  interface Destination {
    /**
     * Writes one line, its end included.
     *
     * @throws IOException it was not written, or not the whole of it
     */
    void write(String line) throws IOException;
  }

  private final @Nullable File file;

  /** The writer's own, once it has begun. */
  private @Nullable Destination destination;

  // guarded by this
  private final String[] ring = new String[MAX_LINES];
  private int head;
  private int size;
  private int chars;
  private boolean busy;
  private long dropped;

  /** Dropped lines that a line of the log has told of. The writer's own. */
  private long told;

  /**
   * @param file null for stderr
   */
  LogWriter(@Nullable File file) {
    this(file, null);
  }

  LogWriter(@Nullable File file, @Nullable Destination destination) {
    super("weir-log");
    this.file = file;
    this.destination = destination;
    setDaemon(true);
    setContextClassLoader(LogWriter.class.getClassLoader());
  }

  /** Queues a line or drops it; returns at once. */
  synchronized void offer(String line) {
    if (size == MAX_LINES || chars > MAX_CHARS) {
      dropped++;
      return;
    }
    ring[(head + size++) % MAX_LINES] = line;
    chars += line.length();
    notifyAll();
  }

  /** A line that could not even be made. */
  synchronized void lost() {
    dropped++;
  }

  /** Lines that nobody will read: the queue was full, or they could not be written. */
  synchronized long dropped() {
    return dropped;
  }

  /** Waits until everything queued is written, for {@code millis} at most. */
  synchronized void flush(long millis) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    long left = millis;
    while ((size > 0 || busy) && left > 0) {
      wait(left);
      left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
    }
  }

  @Override
  public void run() {
    while (true) {
      try {
        write(take());
      } catch (Throwable t) {
        // no memory, or a stream that is closed: the next line is tried again
        lost();
      }
    }
  }

  private synchronized String take() {
    busy = false;
    notifyAll();
    while (size == 0) {
      try {
        wait();
      } catch (InterruptedException notOurs) {
        // nobody has a reason to stop this thread
      }
    }
    busy = true;
    String line = ring[head];
    ring[head] = "";
    head = (head + 1) % MAX_LINES;
    size--;
    chars -= line.length();
    return line;
  }

  private void write(String line) throws IOException {
    Destination to = destination;
    if (to == null) {
      to = open();
      destination = to;
    }
    to.write(line);
    long gone = untold();
    if (gone > 0) {
      tell(to, gone + " lines of this log were dropped: they could not be written in time");
      told += gone;
    }
  }

  private Destination open() {
    if (file == null) {
      return new Stderr();
    }
    try {
      return new LogFile(file);
    } catch (IOException e) {
      Destination instead = new Stderr();
      tell(instead, "weir.log: " + e.getMessage() + "; logging to stderr");
      return instead;
    }
  }

  private static void tell(Destination to, String line) {
    try {
      to.write(AgentLog.WARN_TAG + AgentLog.clean(line));
    } catch (IOException e) {
      // of the log itself; nothing is lost that was not counted
    }
  }

  /** Dropped lines to tell of, once everything queued before them is written. */
  private synchronized long untold() {
    return size == 0 ? dropped - told : 0;
  }

  /** The process's own stderr, whatever {@link System#err} is by now. One write for each line. */
  private static final class Stderr implements Destination {
    private final OutputStream out = new FileOutputStream(FileDescriptor.err);
    private final Charset charset = charset();

    @Override
    public void write(String line) throws IOException {
      out.write((line + System.lineSeparator()).getBytes(charset));
    }

    /** The one {@link System#err} has. */
    private static Charset charset() {
      for (String property : new String[] {"stderr.encoding", "sun.stderr.encoding"}) {
        String name = System.getProperty(property);
        try {
          if (name != null) {
            return Charset.forName(name);
          }
        } catch (IllegalArgumentException unknown) {
          return StandardCharsets.UTF_8;
        }
      }
      return Charset.defaultCharset();
    }
  }
}
