package io.weir.engine.call;

import io.weir.bootstrap.Colour;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The name of a request attribute, as rules spell it:
 *
 * <ul>
 *   <li>{@code header:NAME}, {@code query:NAME}, {@code cookie:NAME};
 *   <li>{@code tag:NAME}, a tag of the traffic colour ({@link Colour}): the names and values that
 *       travel with a request from service to service;
 *   <li>{@code jwt:CLAIM}, a claim of the bearer token, whose signature is not verified;
 *   <li>{@code path}, {@code method}, {@code host}, {@code client-ip}, {@code caller}.
 * </ul>
 *
 * <p>Immutable.
 */
public final class Attribute {
  /** The names that {@link #parse} understands, for error messages. */
  public static final String SPELLINGS =
      "header:NAME, query:NAME, cookie:NAME, tag:NAME, jwt:CLAIM, path, method, host, client-ip or"
          + " caller";

  private static final int HEADER = 0;
  private static final int QUERY = 1;
  private static final int COOKIE = 2;
  private static final int TAG = 3;
  private static final int PATH = 4;
  private static final int METHOD = 5;
  private static final int HOST = 6;
  private static final int CLIENT_IP = 7;
  private static final int CALLER = 8;
  private static final int JWT = 9;

  private final int kind;
  private final String name;
  private final String lowerCase;
  private final String text;

  private Attribute(int kind, String name, String text) {
    this.kind = kind;
    this.name = name;
    this.lowerCase = name.toLowerCase(Locale.ROOT);
    this.text = text;
  }

  /**
   * Parses an attribute name.
   *
   * @throws IllegalArgumentException when it is unknown; the message lists the known ones
   */
  public static Attribute parse(String text) {
    int colon = text.indexOf(':');
    if (colon > 0 && colon < text.length() - 1) {
      String name = text.substring(colon + 1);
      switch (text.substring(0, colon)) {
        case "header":
          return new Attribute(HEADER, name, text);
        case "query":
          return new Attribute(QUERY, name, text);
        case "cookie":
          return new Attribute(COOKIE, name, text);
        case "tag":
          return new Attribute(TAG, name, text);
        case "jwt":
          return new Attribute(JWT, name, text);
        default:
          break;
      }
    }
    switch (text) {
      case "path":
        return new Attribute(PATH, "", text);
      case "method":
        return new Attribute(METHOD, "", text);
      case "host":
        return new Attribute(HOST, "", text);
      case "client-ip":
        return new Attribute(CLIENT_IP, "", text);
      case "caller":
        return new Attribute(CALLER, "", text);
      default:
        throw new IllegalArgumentException(
            "unknown attribute '" + text + "': expected " + SPELLINGS);
    }
  }

  /** The value of this attribute on a call, or null when it is absent. */
  public <C> @Nullable String read(AttributeSource<C> source, C call) {
    switch (kind) {
      case HEADER:
        String value = source.header(call, name);
        // an outgoing call inherits the header of the request that is being served
        return value != null || !source.outbound() ? value : source.tag(call, lowerCase);
      case QUERY:
        return source.query(call, name);
      case COOKIE:
        return source.cookie(call, name);
      case TAG:
        return source.tag(call, name);
      case PATH:
        return source.path(call);
      case METHOD:
        return source.method(call);
      case HOST:
        return source.host(call);
      case CLIENT_IP:
        return source.clientIp(call);
      case JWT:
        return Jwt.claim(source.header(call, "authorization"), name);
      default:
        return source.caller(call);
    }
  }

  /** The header's name in lower case, or null when this is no header. */
  public @Nullable String headerName() {
    return kind == HEADER ? lowerCase : null;
  }

  /** The tag's name, or null when this is no tag. */
  public @Nullable String tagName() {
    return kind == TAG ? name : null;
  }

  /** Whether this is {@code caller}. */
  public boolean isCaller() {
    return kind == CALLER;
  }

  /** Whether this is {@code path}. */
  public boolean isPath() {
    return kind == PATH;
  }

  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof Attribute
        && ((Attribute) o).kind == kind
        && (kind == HEADER
            ? name.equalsIgnoreCase(((Attribute) o).name)
            : name.equals(((Attribute) o).name));
  }

  @Override
  public int hashCode() {
    return kind * 31 + lowerCase.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
