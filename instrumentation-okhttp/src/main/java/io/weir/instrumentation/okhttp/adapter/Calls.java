package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Colour;
import okhttp3.Call;
import okhttp3.Interceptor;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/** What OkHttp learnt after 3.3; asked for once, so that older versions are governed as well. */
final class Calls {
  /** {@code Chain.call()}: 3.9. */
  private static final boolean HAS_CALL = has(Interceptor.Chain.class, "call");

  /** {@code Call.timeout()}: 3.12. */
  private static final boolean HAS_TIMEOUT = has(Call.class, "timeout");

  /** {@code Request.tag(Class)}: 3.11. */
  private static final boolean HAS_TAGS = has(Request.class, "tag", Class.class);

  private Calls() {}

  /** The call a chain belongs to, or null where the chain does not tell. */
  static @Nullable Call of(Interceptor.Chain chain) {
    return HAS_CALL ? chain.call() : null;
  }

  /** Nanos the whole call may take, 0 for any. */
  static long timeoutNanos(@Nullable Call call) {
    return HAS_TIMEOUT && call != null ? call.timeout().timeoutNanos() : 0;
  }

  static boolean canceled(@Nullable Call call) {
    return call != null && call.isCanceled();
  }

  /**
   * The request, carrying the calling thread's traffic colour to whatever thread will make the
   * call.
   */
  static Request withColour(Request request) {
    Colour colour = Colour.current();
    return colour == Colour.NONE || !HAS_TAGS
        ? request
        : request.newBuilder().tag(Colour.class, colour).build();
  }

  /** Binds the colour a request carries; null when there is nothing to put back. */
  static @Nullable Colour enter(Request request) {
    Colour carried = HAS_TAGS ? request.tag(Colour.class) : null;
    return carried == null ? null : Colour.swap(carried);
  }

  static void leave(@Nullable Colour before) {
    if (before != null) {
      Colour.swap(before);
    }
  }

  private static boolean has(Class<?> type, String method, Class<?>... parameters) {
    try {
      type.getMethod(method, parameters);
      return true;
    } catch (NoSuchMethodException older) {
      return false;
    }
  }
}
