package io.weir.instrumentation.urlconnection.adapter;

import io.weir.instrumentation.api.common.RefusalView;
import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URLConnection;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The private fields of the JDK's connections, by reflection; the same in Java 8 to 25. Their
 * packages are open to this class ({@code UrlConnectionModule.opens}).
 *
 * <p><b>A refusal.</b> A refused connection gets the state that it would have if its target had
 * answered so: headers, body, and the exception that the JDK remembers for such a status. All of
 * the JDK's methods then work of themselves. Only those that would use the network have to know; by
 * its body ({@link Unsent}) they recognise such a connection.
 */
final class ConnectionState {
  private static final Class<?> CONNECTION = type("sun.net.www.protocol.http.HttpURLConnection");
  private static final Class<?> HEADERS = type("sun.net.www.MessageHeader");
  private static final Class<?> CLIENT = type("sun.net.www.http.HttpClient");

  private static final Field CONNECTED = field(URLConnection.class, "connected");
  private static final Field RESPONSE_CODE = field(HttpURLConnection.class, "responseCode");
  private static final Field CONNECTING = field(CONNECTION, "connecting");
  private static final Field REQUESTS = field(CONNECTION, "requests");
  private static final Field RESPONSES = field(CONNECTION, "responses");
  private static final Field INPUT = field(CONNECTION, "inputStream");
  private static final Field ERROR = field(CONNECTION, "errorStream");
  private static final Field STREAMING_OUTPUT = field(CONNECTION, "strOutputStream");
  private static final Field REMEMBERED = field(CONNECTION, "rememberedException");
  private static final Field PROXY = field(CONNECTION, "instProxy");
  private static final Field HTTP = field(CONNECTION, "http");

  private static final Method TO_HEADERS = method(CONNECTION, "mapToMessageHeader", Map.class);
  private static final Method VALUES = method(HEADERS, "multiValueIterator", String.class);
  private static final Method SET = method(HEADERS, "set", String.class, String.class);
  private static final Method DO_NOT_RETRY = method(CLIENT, "setDoNotRetry", boolean.class);
  private static final Method CLOSE = method(CLIENT, "closeServer");

  private ConnectionState() {}

  /** Throws where this JDK's connections are others: then the hook is not made, which is told. */
  static void check() {}

  static Class<?> type(String name) {
    try {
      return Class.forName(name, false, null);
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
  }

  static Field field(Class<?> type, String name) {
    try {
      Field f = type.getDeclaredField(name);
      f.setAccessible(true);
      return f;
    } catch (NoSuchFieldException e) {
      throw new IllegalStateException(e);
    }
  }

  static Method method(Class<?> type, String name, Class<?>... parameters) {
    try {
      Method m = type.getDeclaredMethod(name, parameters);
      m.setAccessible(true);
      return m;
    } catch (NoSuchMethodException e) {
      throw new IllegalStateException(e);
    }
  }

  private static @Nullable Object get(Field field, Object of) {
    try {
      return field.get(of);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  static int number(Field field, Object of) {
    try {
      return field.getInt(of);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void set(Field field, Object of, @Nullable Object value) {
    try {
      field.set(of, value);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * @throws InvocationTargetException what the method threw
   */
  static @Nullable Object invoke(Method method, Object on, Object... arguments)
      throws InvocationTargetException {
    try {
      return method.invoke(on, arguments);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  private static @Nullable Object call(Method method, @Nullable Object on, Object... arguments) {
    try {
      return on == null ? null : invoke(method, on, arguments);
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  /** Whether one of the methods that begin a call was called. */
  static boolean hasBegun(HttpURLConnection c) {
    try {
      return CONNECTING.getBoolean(c) || CONNECTED.getBoolean(c);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  /** None of them was called. */
  static void hasNotBegun(HttpURLConnection c) {
    set(CONNECTING, c, false);
  }

  /** Values of a request header, in order. */
  @SuppressWarnings("unchecked") // of strings
  static Iterator<String> headers(HttpURLConnection c, String name) {
    Object values = call(VALUES, get(REQUESTS, c), name);
    return values == null ? Collections.<String>emptyIterator() : (Iterator<String>) values;
  }

  /** {@code setRequestProperty}, also for names that it ignores, and after {@code connect}. */
  static void setHeader(HttpURLConnection c, String name, String value) {
    call(SET, get(REQUESTS, c), name, value);
  }

  /** Status of the answer; -1: there is none. */
  static int status(HttpURLConnection c) {
    return number(RESPONSE_CODE, c);
  }

  /**
   * The answer's body while it is read from the network; null: it has none, or the JDK has read it.
   */
  static @Nullable InputStream openBody(HttpURLConnection c) {
    return get(HTTP, c) == null || get(ERROR, c) != null ? null : (InputStream) get(INPUT, c);
  }

  /** What {@code getInputStream}, {@code getErrorStream} and {@code disconnect} use from now on. */
  static void body(HttpURLConnection c, InputStream body) {
    set(INPUT, c, body);
  }

  /** Whether the body of the request is sent while it is written. */
  static boolean streams(HttpURLConnection c) {
    return get(STREAMING_OUTPUT, c) != null;
  }

  /** The proxy that the application gave the connection; null: none. */
  static @Nullable Proxy proxy(HttpURLConnection c) {
    return (Proxy) get(PROXY, c);
  }

  static void proxy(HttpURLConnection c, @Nullable Proxy proxy) {
    set(PROXY, c, proxy);
  }

  /** What {@code getInputStream} throws from now on. */
  static void remember(HttpURLConnection c, IOException failure) {
    set(REMEMBERED, c, failure);
  }

  /** Closes the socket without waiting for anybody who reads, so that reading fails. */
  static void close(HttpURLConnection c) {
    Object http = get(HTTP, c);
    call(DO_NOT_RETRY, http, true);
    call(CLOSE, http);
  }

  /** The connection has got this answer. */
  static void refuse(HttpURLConnection c, RefusalView refusal) {
    int status = refusal.status();
    byte[] body = c.getRequestMethod().equals("HEAD") ? new byte[0] : refusal.body();
    Map<String, List<String>> headers = new LinkedHashMap<String, List<String>>();
    headers.put(null, Collections.singletonList("HTTP/1.1 " + status + " " + refusal.reason()));
    refusal.printableHeaders((name, value) -> headers.put(name, Collections.singletonList(value)));
    headers.put("Content-Type", Collections.singletonList(refusal.printableContentType()));
    headers.put("Content-Length", Collections.singletonList("" + refusal.body().length));
    set(RESPONSES, c, call(TO_HEADERS, c, headers));
    set(CONNECTED, c, true);
    String url = c.getURL().toString();
    IOException failure =
        status == 404 || status == 410
            ? new FileNotFoundException(url)
            : status >= 400
                ? new IOException(
                    "Server returned HTTP response code: " + status + " for URL: " + url)
                : null;
    unsent(c, body, failure, null);
  }

  /** The call has failed before it was sent. */
  static void fail(HttpURLConnection c, IOException failure) {
    unsent(c, new byte[0], failure, failure);
  }

  private static void unsent(
      HttpURLConnection c,
      byte[] body,
      @Nullable IOException remembered,
      @Nullable IOException failure) {
    set(CONNECTING, c, true);
    set(REMEMBERED, c, remembered);
    set(INPUT, c, new Unsent(body, failure));
    try {
      c.getResponseCode(); // as the JDK does: the status is in its field then
    } catch (IOException noStatus) {
      // it has failed
    }
  }

  /** Null: the connection uses the network as it likes. */
  static @Nullable Unsent unsent(HttpURLConnection c) {
    Object body = get(INPUT, c);
    return body instanceof Unsent ? (Unsent) body : null;
  }

  /** Body of a connection whose request is never sent. */
  static final class Unsent extends ByteArrayInputStream {
    /** Null: it was answered. */
    final @Nullable IOException failure;

    Unsent(byte[] body, @Nullable IOException failure) {
      super(body);
      this.failure = failure;
    }
  }

  /** Takes a request's body that nobody wants. */
  static final class NoOutput extends OutputStream {
    @Override
    public void write(int b) {}

    @Override
    public void write(byte[] b, int from, int n) {}
  }
}
