package io.weir.agent;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * One line on stderr from where there is no {@code AgentLog}: in the application's loader, when the
 * agent does not start. A thread of its own writes it, so that a stderr which nobody reads does not
 * keep {@code main} from beginning.
 */
final class StderrLine extends Thread {
  private static final long PATIENCE_MILLIS = 200;

  private final String line;

  private StderrLine(String line) {
    super("weir-log");
    this.line = line;
    setDaemon(true);
  }

  /** Returns once it is written, or after 200 ms. Never throws. */
  static void write(String line) {
    boolean interrupted = false;
    try {
      StderrLine writer = new StderrLine("[weir] " + line + System.lineSeparator());
      writer.start();
      long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
      for (long left = PATIENCE_MILLIS; left > 0 && writer.isAlive(); ) {
        try {
          writer.join(left);
        } catch (InterruptedException e) {
          interrupted = true;
        }
        left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      }
    } catch (Throwable t) {
      // no memory or no thread: the application comes first
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  @SuppressWarnings("DefaultCharset") // stderr's own, as far as a JDK 8 tells it
  public void run() {
    try {
      // never closed: the descriptor is the process's
      new FileOutputStream(FileDescriptor.err).write(line.getBytes());
    } catch (IOException closed) {
      // nobody can be told
    } catch (Throwable t) {
      // as above; an uncaught one would be printed to stderr again
    }
  }
}
