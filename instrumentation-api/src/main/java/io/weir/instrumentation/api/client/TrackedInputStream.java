package io.weir.instrumentation.api.client;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * The bytes of an answer's body. Tells the call how the body ends: it was read to the end, was
 * closed, or failed. For one thread at a time.
 */
public final class TrackedInputStream extends FilterInputStream {
  private final BodyTracker call;
  private final int number;

  public TrackedInputStream(InputStream in, BodyTracker call) {
    super(in);
    this.call = call;
    number = call.opened();
  }

  @Override
  public int read() throws IOException {
    call.reads();
    try {
      int b = in.read();
      if (b < 0) {
        call.ended(number);
      }
      return b;
    } catch (IOException e) {
      throw call.failed(number, e);
    } finally {
      call.hasRead();
    }
  }

  @Override
  public int read(byte[] to, int from, int most) throws IOException {
    call.reads();
    try {
      int n = in.read(to, from, most);
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
  public void close() throws IOException {
    try {
      in.close();
    } finally {
      call.ended(number);
    }
  }
}
