package io.weir.instrumentation.grpc.adapter;

import io.grpc.Metadata;
import io.weir.engine.gate.Propagation;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Converts between names in rules and gRPC's metadata keys, paths and authorities. Keys and paths
 * are made once per name and kept in two tables, so that a call allocates none. The tables are
 * bounded; names beyond the bound are converted each time.
 */
final class GrpcNames {
  private static final int MAX_NAMES = 1_000;

  private static final ConcurrentHashMap<String, Metadata.Key<String>> KEYS =
      new ConcurrentHashMap<String, Metadata.Key<String>>();
  private static final ConcurrentHashMap<String, String> PATHS =
      new ConcurrentHashMap<String, String>();

  /** The key of names that have no text value: those ending in {@code -bin}, and invalid ones. */
  private static final Metadata.Key<String> UNREADABLE = ascii("weir-unreadable");

  private static final Metadata.Key<String> CALLER = ascii(Propagation.CALLER);

  private GrpcNames() {}

  /** The first value of a metadata key, or null when it is absent. */
  static @Nullable String first(Metadata headers, String name) {
    Metadata.Key<String> key = key(name);
    if (key == null) {
      return null;
    }
    Iterable<String> all = headers.getAll(key);
    return all == null ? null : all.iterator().next();
  }

  /** All values of a metadata key, or null when it is absent. */
  static @Nullable Iterable<String> all(Metadata headers, String name) {
    Metadata.Key<String> key = key(name);
    return key == null ? null : headers.getAll(key);
  }

  /** Sets a metadata key to one value. Does nothing for a name that is no key of a text value. */
  static void set(Metadata headers, String name, String value) {
    Metadata.Key<String> key = key(name);
    if (key != null) {
      headers.discardAll(key);
      headers.put(key, value);
    }
  }

  /**
   * Sets several metadata keys.
   *
   * @param pairs name, value, name, value ...
   */
  static void set(Metadata headers, String[] pairs) {
    for (int i = 0; i < pairs.length; i += 2) {
      set(headers, pairs[i], pairs[i + 1]);
    }
  }

  private static Metadata.@Nullable Key<String> key(String name) {
    Metadata.Key<String> key = KEYS.get(name);
    if (key == null) {
      key = newKey(name);
      if (KEYS.size() < MAX_NAMES) {
        KEYS.put(name, key);
      }
    }
    return key == UNREADABLE ? null : key;
  }

  private static Metadata.Key<String> newKey(String name) {
    try {
      return ascii(name);
    } catch (IllegalArgumentException notText) {
      return UNREADABLE;
    }
  }

  static Metadata.Key<String> ascii(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /**
   * Sets the header with the name of the calling service, unless the application has set it.
   *
   * @param caller the name; null: the target does not need it, and nothing is set
   */
  static void setCaller(Metadata headers, @Nullable String caller) {
    if (caller != null && !headers.containsKey(CALLER)) {
      headers.put(CALLER, caller);
    }
  }

  /** The path {@code /pkg.Service/Method} for a full method name. */
  static String path(String fullMethodName) {
    String path = PATHS.get(fullMethodName);
    if (path == null) {
      path = "/" + fullMethodName;
      if (PATHS.size() < MAX_NAMES) {
        PATHS.put(fullMethodName, path);
      }
    }
    return path;
  }

  /** The host of an authority, without user info, port and brackets; null for null. */
  static @Nullable String host(@Nullable String authority) {
    if (authority == null) {
      return null;
    }
    int from = authority.lastIndexOf('@') + 1;
    if (from < authority.length() && authority.charAt(from) == '[') {
      int end = authority.indexOf(']', from);
      return end < 0 ? authority.substring(from) : authority.substring(from + 1, end);
    }
    int colon = authority.indexOf(':', from);
    return colon >= 0
        ? authority.substring(from, colon)
        : from == 0 ? authority : authority.substring(from);
  }

  /** The port of an authority, or -1 when it has no valid one. */
  static int port(@Nullable String authority) {
    if (authority == null) {
      return -1;
    }
    int colon = authority.lastIndexOf(':');
    if (colon < 0 || authority.indexOf(']', colon) >= 0) {
      return -1;
    }
    int port = 0;
    for (int i = colon + 1; i < authority.length(); i++) {
      int digit = authority.charAt(i) - '0';
      // checked before each digit, so that the number cannot overflow
      if (digit < 0 || digit > 9 || port > 65535) {
        return -1;
      }
      port = port * 10 + digit;
    }
    return colon + 1 == authority.length() || port > 65535 ? -1 : port;
  }
}
