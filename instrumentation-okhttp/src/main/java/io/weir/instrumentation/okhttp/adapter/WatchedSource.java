package io.weir.instrumentation.okhttp.adapter;

import java.io.IOException;
import okio.Buffer;
import okio.Source;
import okio.Timeout;
import org.jspecify.annotations.Nullable;

/** A body's bytes, telling the outcome how they end. One thread at a time. */
final class WatchedSource implements Source {
  private final Source of;
  private final Outcome outcome;
  private final int number;
  private final @Nullable Deadline deadline;

  /**
   * @param deadline runs until the body ends, or null
   */
  WatchedSource(Source of, Outcome outcome, @Nullable Deadline deadline) {
    this.of = of;
    this.outcome = outcome;
    this.deadline = deadline;
    number = outcome.opened();
  }

  @Override
  public long read(Buffer sink, long count) throws IOException {
    outcome.reads();
    try {
      long n = of.read(sink, count);
      if (n < 0) {
        ended();
      }
      return n;
    } catch (IOException e) {
      throw failed(e);
    } finally {
      outcome.hasRead();
    }
  }

  @Override
  public Timeout timeout() {
    return of.timeout();
  }

  @Override
  public void close() throws IOException {
    if (deadline != null) {
      deadline.over();
    }
    try {
      of.close();
    } finally {
      outcome.ended(number);
    }
  }

  private void ended() {
    if (deadline != null) {
      deadline.over();
    }
    outcome.ended(number);
  }

  private IOException failed(IOException e) {
    boolean late = deadline != null && deadline.over();
    outcome.failed(number, e, late);
    return deadline != null && late ? deadline.exceeded(e) : e;
  }
}
