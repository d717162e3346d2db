package io.weir.instrumentation.okhttp.adapter;

import okhttp3.MediaType;
import okhttp3.ResponseBody;
import okio.BufferedSource;
import okio.Okio;
import org.jspecify.annotations.Nullable;

/**
 * The answer's body as the caller gets it, watched: where it is not watched on the network already
 * ({@link BodyHook}), or where that is not enough.
 */
final class WatchedBody extends ResponseBody {
  private final ResponseBody body;
  private final BufferedSource source;

  /**
   * @param deadline runs until the body ends, or null
   */
  WatchedBody(ResponseBody body, Outcome outcome, @Nullable Deadline deadline) {
    this.body = body;
    source = Okio.buffer(new WatchedSource(body.source(), outcome, deadline));
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
}
