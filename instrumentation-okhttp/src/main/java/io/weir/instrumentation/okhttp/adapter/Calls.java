package io.weir.instrumentation.okhttp.adapter;

import okhttp3.Call;
import okhttp3.Interceptor;

/** What OkHttp learnt after 3.3; asked for once, so that older versions are governed as well. */
final class Calls {
  /** {@code Chain.call()}: 3.9. */
  private static final boolean HAS_CALL = has(Interceptor.Chain.class, "call");

  /** {@code Call.timeout()}: 3.12. */
  private static final boolean HAS_TIMEOUT = has(Call.class, "timeout");

  private Calls() {}

  /** The call a chain belongs to, or null where the chain does not tell. */
  static Call of(Interceptor.Chain chain) {
    return HAS_CALL ? chain.call() : null;
  }

  /** Nanos the whole call may take, 0 for any. */
  static long timeoutNanos(Call call) {
    return HAS_TIMEOUT && call != null ? call.timeout().timeoutNanos() : 0;
  }

  static boolean canceled(Call call) {
    return call != null && call.isCanceled();
  }

  private static boolean has(Class<?> type, String method) {
    try {
      type.getMethod(method);
      return true;
    } catch (NoSuchMethodException older) {
      return false;
    }
  }
}
