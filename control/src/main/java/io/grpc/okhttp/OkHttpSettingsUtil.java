package io.grpc.okhttp;

import io.grpc.okhttp.internal.framed.Settings;

/**
 * Replaces grpc-okhttp's class of the same name (weir.jar does not contain that one): reads HTTP/2
 * settings as unsigned numbers, which they are.
 *
 * <p>The library's class reads etcd's {@code SETTINGS_MAX_CONCURRENT_STREAMS}, 4 294 967 295, as
 * -1. Its transport then never opens a stream, because it waits for one to end (grpc-okhttp 1.79
 * and 1.83).
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

  /** Larger values than 2^31 - 1, negative as an int, become 2^31 - 1. */
  public static int get(Settings settings, int id) {
    int value = settings.get(id);
    return value < 0 ? Integer.MAX_VALUE : value;
  }

  public static void set(Settings settings, int id, int value) {
    settings.set(id, 0, value);
  }
}
