package io.weir.engine.call;

import io.weir.bootstrap.Colour;
import org.jspecify.annotations.Nullable;

/**
 * Reads the attributes of a call straight from the library's own request object.
 *
 * <p>One stateless instance per library; the request travels beside it as {@code C}, so that asking
 * for an attribute allocates nothing of ours. Every method may be called from any thread that holds
 * the request; null means absent.
 */
public abstract class AttributeSource<C> {
  /** First value of a header, or of a gRPC metadata key; the name is case-insensitive. */
  public abstract @Nullable String header(C call, String name);

  /**
   * All values of a header, joined by commas; null when there is none. For headers that are lists
   * ({@code baggage}), of which a message may have several lines.
   */
  public @Nullable String headers(C call, String name) {
    return header(call, name);
  }

  /** Values joined as lines of one header are. */
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
   * Path without query, in the spelling of {@link Paths}. For gRPC {@code /pkg.Service/Method} as
   * it is: the library finds methods by the exact name.
   */
  public abstract @Nullable String path(C call);

  /** How many characters of {@link #path} are the application's context path. */
  public int contextLength(C call) {
    return 0;
  }

  /** HTTP method; {@code POST} for gRPC. */
  public abstract @Nullable String method(C call);

  /** Host the caller asked for (Host header, authority), without port. */
  public abstract @Nullable String host(C call);

  /** Address of the peer, without port. */
  public @Nullable String clientIp(C call) {
    return null;
  }

  /** The port of this JVM at which the call arrived, or a number below 1: unknown. */
  public int localPort(C call) {
    return -1;
  }

  /** Service name of the caller, when known. */
  public @Nullable String caller(C call) {
    return null;
  }

  /** Whether calls are gRPC, and so go to instances that speak it. */
  public boolean grpc() {
    return false;
  }

  /**
   * Whether calls leave this JVM. Then a header that the application did not set is looked up in
   * the traffic colour: a rule sees the header that came with the request being served.
   */
  public boolean outbound() {
    return false;
  }

  /** A tag of the traffic colour. */
  public @Nullable String tag(C call, String name) {
    return Colour.current().get(name);
  }
}
