package io.weir.instrumentation.okhttp.adapter;

import java.io.IOException;
import okhttp3.MediaType;
import okhttp3.ResponseBody;
import okio.Buffer;
import okio.BufferedSource;
import okio.Okio;
import okio.Source;
import okio.Timeout;
import org.jspecify.annotations.Nullable;

/** The answer's body, telling the outcome how it ends. */
final class WatchedBody extends ResponseBody {
  private final ResponseBody body;
  private final BufferedSource source;

  /**
   * @param deadline runs until the body ends, or null
   */
  WatchedBody(ResponseBody body, Outcome outcome, @Nullable Deadline deadline) {
    this.body = body;
    source = Okio.buffer(new Watched(body.source(), outcome, deadline));
  }

  @Override
  public @Nullable MediaType contentType() {
    return body.contentType();
  }

  @Override
  public long contentLength() {
    return body.contentLength();
  }

  @Override
  public BufferedSource source() {
    return source;
  }

  private static final class Watched implements Source {
    private final BufferedSource of;
    private final Outcome outcome;
    private final @Nullable Deadline deadline;

    Watched(BufferedSource of, Outcome outcome, @Nullable Deadline deadline) {
      this.of = of;
      this.outcome = outcome;
      this.deadline = deadline;
    }

    @Override
    public long read(Buffer sink, long count) throws IOException {
      outcome.reads();
      try {
        long n = of.read(sink, count);
        if (n < 0) {
          if (deadline != null) {
            deadline.over();
          }
          outcome.bodyEnded();
        }
        return n;
      } catch (IOException e) {
        boolean late = deadline != null && deadline.over();
        outcome.failed(e, late);
        if (deadline != null && late) {
          throw deadline.exceeded(e);
        }
        throw e;
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
        outcome.bodyEnded();
      }
    }
  }
}
