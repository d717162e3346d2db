package io.weir.smoke;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** What a load of {@code src/apps/rollout} has written so far, read as it grows. */
final class LoadLog {
  /** One call; nanos of the machine's monotonic clock. */
  record Call(long start, long end, String answer) {
    boolean failed() {
      return answer.startsWith("FAILED");
    }

    /** The instance that answered. */
    String by() {
      return answer.split(" ")[0];
    }

    /** The rule that decided. */
    String rule() {
      return failed() ? "" : answer.split(" ")[1];
    }
  }

  private final Path file;
  private final List<Call> calls = new ArrayList<>();
  private long read;

  LoadLog(Path file) {
    this.file = file;
  }

  /** All calls that have ended, in the order of their ends. */
  List<Call> calls() {
    try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "r")) {
      byte[] more = new byte[(int) (f.length() - read)];
      f.seek(read);
      f.readFully(more);
      String text = new String(more, StandardCharsets.UTF_8);
      int whole = text.lastIndexOf('\n') + 1;
      read += text.substring(0, whole).getBytes(StandardCharsets.UTF_8).length;
      text.substring(0, whole)
          .lines()
          .map(l -> l.split(" ", 3))
          .forEach(w -> calls.add(new Call(Long.parseLong(w[0]), Long.parseLong(w[1]), w[2])));
      return calls;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  List<Call> calls(Predicate<Call> which) {
    return calls().stream().filter(which).toList();
  }

  List<Call> failed() {
    return calls(Call::failed);
  }
}
