package io.weir.instrumentation.okhttp.adapter;

import io.weir.instrumentation.api.client.BodyTracker;
import java.io.IOException;
import okhttp3.MediaType;
import okhttp3.ResponseBody;
import okio.Buffer;
import okio.BufferedSource;
import okio.Okio;
import okio.Source;
import okio.Timeout;
import org.jspecify.annotations.Nullable;

/**
 * Watches the answer's body as the application gets it. It is used where the body is not watched on
 * the network ({@link BodyHook}), or where that is not enough: {@link Governor}.
 */
final class WatchedBody extends ResponseBody {
  private final ResponseBody body;
  private final BufferedSource source;

  WatchedBody(ResponseBody body, BodyTracker call) {
    this.body = body;
    source = Okio.buffer(new Bytes(body.source(), call));
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

  /** The bytes of a body. Tells the call how the body ends. For one thread at a time. */
  static final class Bytes implements Source {
    private final Source of;
    private final BodyTracker call;
    private final int number;

    Bytes(Source of, BodyTracker call) {
      this.of = of;
      this.call = call;
      number = call.opened();
    }

    @Override
    public long read(Buffer sink, long count) throws IOException {
      call.reads();
      try {
        long n = of.read(sink, count);
        if (n < 0) {
          call.ended(number);
        }
        return n;
      } catch (IOException e) {
        throw call.failed(number, e);
      } finally {
        call.hasRead();
      }
    }

    @Override
    public Timeout timeout() {
      return of.timeout();
    }

    @Override
    public void close() throws IOException {
      try {
        of.close();
      } finally {
        call.ended(number);
      }
    }
  }
}
