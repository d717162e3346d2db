package io.weir.agent.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whoever logs goes on, whatever becomes of the line. */
@Timeout(30)
class LogWriterTest {
  /** Like a pipe: blocks until it is read. */
  private static final class Pipe implements LogWriter.Destination {
    final CountDownLatch entered = new CountDownLatch(1);
    final CountDownLatch read = new CountDownLatch(1);
    final List<String> lines = new CopyOnWriteArrayList<>();

    @Override
    public void write(String line) throws IOException {
      entered.countDown();
      try {
        read.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      lines.add(line);
    }
  }

  @Test
  void linesAreWrittenInOrder() throws Exception {
    Pipe pipe = new Pipe();
    pipe.read.countDown();
    LogWriter log = writer(pipe);
    for (int i = 0; i < 500; i++) {
      log.offer("line " + i);
    }
    log.flush(10_000);
    assertThat(pipe.lines).hasSize(500);
    for (int i = 0; i < 500; i++) {
      assertThat(pipe.lines.get(i)).isEqualTo("line " + i);
    }
    assertThat(log.dropped()).isZero();
  }

  @Test
  void aReaderThatHasStoppedCostsLinesAndIsToldOnceItReadsAgain() throws Exception {
    Pipe pipe = new Pipe();
    LogWriter log = writer(pipe);
    log.offer("first");
    pipe.entered.await();
    for (int i = 0; i < LogWriter.MAX_LINES + 7; i++) {
      log.offer("line " + i);
    }
    assertThat(log.dropped()).isEqualTo(7);
    pipe.read.countDown();
    log.flush(10_000);
    assertThat(pipe.lines).hasSize(LogWriter.MAX_LINES + 2).startsWith("first", "line 0");
    assertThat(pipe.lines.get(pipe.lines.size() - 1))
        .isEqualTo(
            "[weir] WARN 7 lines of this log were dropped: they could not be written in time");
    log.offer("later");
    log.flush(10_000);
    assertThat(pipe.lines.get(pipe.lines.size() - 1)).isEqualTo("later");
  }

  @Test
  void theQueueIsBoundedInCharactersToo() throws Exception {
    Pipe pipe = new Pipe();
    LogWriter log = writer(pipe);
    log.offer("first");
    pipe.entered.await();
    String line = "x".repeat(10_000);
    for (int i = 0; i < 100; i++) {
      log.offer(line);
    }
    assertThat(log.dropped()).isGreaterThan(70);
    pipe.read.countDown();
  }

  @Test
  void aFlushWaitsNoLongerThanItWasGiven() throws Exception {
    Pipe pipe = new Pipe();
    LogWriter log = writer(pipe);
    log.offer("first");
    pipe.entered.await();
    log.flush(50); // comes back, though nothing is written
    assertThat(pipe.lines).isEmpty();
    pipe.read.countDown();
  }

  @Test
  void aDestinationThatFailsOrThrowsEndsNothing() throws Exception {
    List<String> written = new CopyOnWriteArrayList<>();
    LogWriter log =
        writer(
            line -> {
              if (line.equals("full")) {
                throw new IOException("No space left on device");
              }
              if (line.equals("memory")) {
                throw new OutOfMemoryError("planted");
              }
              written.add(line);
            });
    log.offer("full");
    log.offer("memory");
    log.interrupt();
    log.offer("fine");
    log.flush(10_000);
    assertThat(log.dropped()).isEqualTo(2);
    assertThat(written).contains("fine").hasSize(2);
  }

  @Test
  void aRotatedFileIsFollowed(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("weir.log");
    LogWriter log = new LogWriter(file.toFile());
    log.start();
    log.offer("before");
    log.flush(10_000);
    Path rotated = directory.resolve("weir.log.1");
    Files.move(file, rotated);
    for (int i = 0; !Files.exists(file); i++) {
      log.offer("after " + i);
      log.flush(10_000);
      Thread.sleep(20); // it looks once a second, by its own clock
    }
    assertThat(Files.readAllLines(rotated)).startsWith("before", "after 0");
    assertThat(Files.readString(file)).startsWith("after ");
    assertThat(log.dropped()).isZero();
  }

  @Test
  void aFileThatCannotBeOpenedLeavesStderr(@TempDir Path directory) throws Exception {
    File nowhere = directory.resolve("no/such/weir.log").toFile();
    LogWriter log = new LogWriter(nowhere);
    log.start();
    log.offer("[weir] LogWriterTest: this line belongs on stderr");
    log.flush(10_000);
    assertThat(log.dropped()).isZero();
    assertThat(nowhere).doesNotExist();
  }

  @Test
  void aLineIsNeverLongerThanItsBound() {
    assertThat(AgentLog.clean("y".repeat(LogWriter.MAX_LINE + 5)))
        .hasSizeLessThan(LogWriter.MAX_LINE + 50)
        .endsWith("yyy ... (5 characters more)");
  }

  private static LogWriter writer(LogWriter.Destination to) {
    LogWriter log = new LogWriter(null, to);
    log.start();
    return log;
  }
}
