package io.weir.engine.call;

import io.weir.bootstrap.Colour;
import org.jspecify.annotations.Nullable;

/**
 * Reads the attributes of a call from the request object of a library.
 *
 * <p>There is one stateless instance per library. The request is an argument of each method, so
 * that reading an attribute allocates nothing of ours.
 *
 * <p>Methods may be called on any thread that may use the request. They return null when the
 * attribute is absent.
 *
 * @param <C> the library's request type
 */
public abstract class AttributeSource<C> {
  /** First value of a header, or of a gRPC metadata key; the name is case-insensitive. */
  public abstract @Nullable String header(C call, String name);

  /**
   * All values of a header, joined by commas, or null when there is none. For headers that are
   * lists and may have several lines, such as {@code baggage}.
   */
  public @Nullable String headers(C call, String name) {
    return header(call, name);
  }

  /** The values joined by commas, as HTTP joins several lines of one header. */
  protected static String joined(Iterable<String> values) {
    StringBuilder s = new StringBuilder();
    for (String v : values) {
      s.append(s.length() == 0 ? "" : ",").append(v);
    }
    return s.toString();
  }

  /** First value of a query parameter, decoded. Must never consume a request body. */
  public @Nullable String query(C call, String name) {
    return null;
  }

  /** Value of a cookie. */
  public @Nullable String cookie(C call, String name) {
    return null;
  }

  /**
   * Path without query, normalised by {@link Paths}. For gRPC it is {@code /pkg.Service/Method},
   * unchanged: gRPC finds methods by the exact name.
   */
  public abstract @Nullable String path(C call);

  /**
   * The number of leading characters of {@link #path} that are the context path of the application.
   */
  public int contextLength(C call) {
    return 0;
  }

  /** HTTP method; {@code POST} for gRPC. */
  public abstract @Nullable String method(C call);

  /** Host the caller asked for (from the Host header or the gRPC authority), without port. */
  public abstract @Nullable String host(C call);

  /** Address of the peer, without port. */
  public @Nullable String clientIp(C call) {
    return null;
  }

  /** The local port at which the call arrived; below 1 when unknown. */
  public int localPort(C call) {
    return -1;
  }

  /**
   * Service name of the caller. Inbound: the name that the caller sent, or null. Outbound: the name
   * of this JVM's own service.
   */
  public @Nullable String caller(C call) {
    return null;
  }

  /** Whether the calls are gRPC. The router then chooses only instances that speak gRPC. */
  public boolean grpc() {
    return false;
  }

  /**
   * Whether the calls leave this JVM. A header that the application did not set is then looked up
   * in the traffic colour. So a rule sees the header of the request that is being served.
   */
  public boolean outbound() {
    return false;
  }

  /** Value of a tag of the traffic colour that is bound to this thread. */
  public @Nullable String tag(C call, String name) {
    return Colour.current().get(name);
  }
}
