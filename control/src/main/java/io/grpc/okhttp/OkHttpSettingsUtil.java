package io.grpc.okhttp;

import io.grpc.okhttp.internal.framed.Settings;

/**
 * Ours, in the place of the library's class of this name, which it loads instead (weir.jar has no
 * other): reads an HTTP/2 setting as the unsigned number it is.
 *
 * <p>The library's takes etcd's {@code SETTINGS_MAX_CONCURRENT_STREAMS}, 4 294 967 295, for -1, and
 * then waits for ever for a stream to end before it opens the first (grpc-okhttp 1.79, and 1.83 as
 * well).
 */
class OkHttpSettingsUtil {
  public static final int MAX_CONCURRENT_STREAMS = Settings.MAX_CONCURRENT_STREAMS;
  public static final int INITIAL_WINDOW_SIZE = Settings.INITIAL_WINDOW_SIZE;
  public static final int MAX_HEADER_LIST_SIZE = Settings.MAX_HEADER_LIST_SIZE;
  public static final int ENABLE_PUSH = Settings.ENABLE_PUSH;

  private OkHttpSettingsUtil() {}

  public static boolean isSet(Settings settings, int id) {
    return settings.isSet(id);
  }

  /** More than 2^31 - 1 is as good as 2^31 - 1. */
  public static int get(Settings settings, int id) {
    int value = settings.get(id);
    return value < 0 ? Integer.MAX_VALUE : value;
  }

  public static void set(Settings settings, int id, int value) {
    settings.set(id, 0, value);
  }
}
