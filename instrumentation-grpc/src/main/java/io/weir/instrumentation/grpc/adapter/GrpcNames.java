package io.weir.instrumentation.grpc.adapter;

import io.grpc.Metadata;
import io.weir.engine.gate.Propagation;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Spells gRPC's names as rules do, once per name: a look-up allocates nothing. Both tables are
 * bounded; beyond the bound a name is spelt anew each time.
 */
final class GrpcNames {
  private static final int MAX = 1_000;

  private static final ConcurrentHashMap<String, Metadata.Key<String>> KEYS =
      new ConcurrentHashMap<String, Metadata.Key<String>>();
  private static final ConcurrentHashMap<String, String> PATHS =
      new ConcurrentHashMap<String, String>();

  /** Stands for names that cannot be read as text: {@code -bin}, or no metadata key at all. */
  private static final Metadata.Key<String> UNREADABLE = ascii("weir-unreadable");

  private static final Metadata.Key<String> CALLER = ascii(Propagation.CALLER);

  private GrpcNames() {}

  /** First value of a metadata key, or null. */
  static @Nullable String first(Metadata headers, String name) {
    Metadata.Key<String> key = key(name);
    if (key == null) {
      return null;
    }
    Iterable<String> all = headers.getAll(key);
    return all == null ? null : all.iterator().next();
  }

  /** All values of a metadata key, or null. */
  static @Nullable Iterable<String> all(Metadata headers, String name) {
    Metadata.Key<String> key = key(name);
    return key == null ? null : headers.getAll(key);
  }

  /** Sets a metadata key to one value; a name that is no text key is left out. */
  static void set(Metadata headers, String name, String value) {
    Metadata.Key<String> key = key(name);
    if (key != null) {
      headers.discardAll(key);
      headers.put(key, value);
    }
  }

  /** Sets name, value, name, value ... */
  static void set(Metadata headers, String[] pairs) {
    for (int i = 0; i < pairs.length; i += 2) {
      set(headers, pairs[i], pairs[i + 1]);
    }
  }

  private static Metadata.@Nullable Key<String> key(String name) {
    Metadata.Key<String> key = KEYS.get(name);
    if (key == null) {
      key = spell(name);
      if (KEYS.size() < MAX) {
        KEYS.put(name, key);
      }
    }
    return key == UNREADABLE ? null : key;
  }

  private static Metadata.Key<String> spell(String name) {
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
   * Names the calling service unless the application does so itself.
   *
   * @param caller null: nobody wants to know
   */
  static void setCaller(Metadata headers, @Nullable String caller) {
    if (caller != null && !headers.containsKey(CALLER)) {
      headers.put(CALLER, caller);
    }
  }

  /** {@code /pkg.Service/Method} of a full method name. */
  static String path(String fullMethodName) {
    String path = PATHS.get(fullMethodName);
    if (path == null) {
      path = "/" + fullMethodName;
      if (PATHS.size() < MAX) {
        PATHS.put(fullMethodName, path);
      }
    }
    return path;
  }

  /** Host of an authority: no user info, no port, no brackets. */
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

  /** Port of an authority, or -1. */
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
      if (digit < 0 || digit > 9 || port > 65535) {
        return -1;
      }
      port = port * 10 + digit;
    }
    return colon + 1 == authority.length() || port > 65535 ? -1 : port;
  }
}
