package io.weir.agent.log;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The file of {@code weir.log=file:PATH}, in UTF-8, appended to. When it was renamed or deleted
 * (log rotation), a new one is opened at its path within a second; where that is not possible, the
 * old one is written on. A line that does not fit on the disk is lost, the next one is tried.
 *
 * <p>For the thread {@code weir-log} only.
 */
final class LogFile implements LogWriter.Destination {
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final File file;
  private OutputStream out;
  private @Nullable Object identity;
  private long lookedAt;

  /** Whether the last line may have been written in part. */
  private boolean torn;

  LogFile(File file) throws IOException {
    this.file = file;
    try {
      out = new FileOutputStream(file, true);
    } catch (IOException e) {
      throw new IOException("cannot write " + file + " (" + e.getMessage() + ")", e);
    }
    identity = identity();
    lookedAt = System.nanoTime();
  }

  @Override
  public void write(String line) throws IOException {
    follow();
    String end = System.lineSeparator();
    byte[] bytes = ((torn ? end : "") + line + end).getBytes(StandardCharsets.UTF_8);
    torn = true;
    out.write(bytes);
    torn = false;
  }

  private void follow() {
    long now = System.nanoTime();
    if (now - lookedAt < LOOK_NANOS) {
      return;
    }
    lookedAt = now;
    Object there = identity();
    if (there != null && there.equals(identity)) {
      return;
    }
    try {
      OutputStream fresh = new FileOutputStream(file, true);
      OutputStream old = out;
      out = fresh;
      identity = identity();
      torn = false;
      old.close();
    } catch (IOException notNow) {
      // the old file is written on, and a new one tried again in a second
    }
  }

  /** Tells files apart that had the same path; null: there is none. */
  private @Nullable Object identity() {
    try {
      BasicFileAttributes a = Files.readAttributes(file.toPath(), BasicFileAttributes.class);
      Object key = a.fileKey();
      return key == null ? Boolean.TRUE : key; // some file systems have no such thing
    } catch (IOException | RuntimeException none) {
      return null;
    }
  }
}
