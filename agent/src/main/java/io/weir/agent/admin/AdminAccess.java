package io.weir.agent.admin;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;

/**
 * Where the admin endpoint listens, and what a request has to bring. An address that other hosts
 * can reach needs a token. Immutable.
 */
public final class AdminAccess {
  private static final String BEARER = "Bearer ";
  private static final int SHORTEST = 16;
  private static final int LONGEST = 512;

  final InetAddress address;
  private final byte @Nullable [] token;

  private AdminAccess(InetAddress address, @Nullable String token) {
    this.address = address;
    this.token = token == null ? null : token.getBytes(StandardCharsets.US_ASCII);
  }

  /** On 127.0.0.1, for everybody there. */
  static AdminAccess local() {
    return new AdminAccess(InetAddress.getLoopbackAddress(), null);
  }

  /**
   * As configured.
   *
   * @throws IllegalArgumentException naming the property that is wrong, and the way out
   */
  public static AdminAccess of(Config config) {
    String host = config.get(PropertyKey.ADMIN_HOST);
    String token = token(config);
    if (host == null) {
      return new AdminAccess(InetAddress.getLoopbackAddress(), token);
    }
    InetAddress address;
    try {
      address = InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(
          PropertyKey.ADMIN_HOST.propertyName() + ": '" + host + "' is no address of this host");
    }
    if (token == null && !address.isLoopbackAddress()) {
      throw new IllegalArgumentException(
          PropertyKey.ADMIN_HOST.propertyName()
              + ": other hosts can reach "
              + host
              + ", so "
              + PropertyKey.ADMIN_TOKEN.propertyName()
              + " or "
              + PropertyKey.ADMIN_TOKEN_FILE.propertyName()
              + " has to be set, too");
    }
    return new AdminAccess(address, token);
  }

  /**
   * The token that is configured, or null.
   *
   * @throws IllegalArgumentException naming the property that is wrong, never the token
   */
  public static @Nullable String token(Config config) {
    String token = config.get(PropertyKey.ADMIN_TOKEN);
    String file = config.get(PropertyKey.ADMIN_TOKEN_FILE);
    if (token == null && file == null) {
      return null;
    }
    String name =
        (token == null ? PropertyKey.ADMIN_TOKEN_FILE : PropertyKey.ADMIN_TOKEN).propertyName();
    if (token != null && file != null) {
      throw new IllegalArgumentException(
          name + " and " + PropertyKey.ADMIN_TOKEN_FILE.propertyName() + " are both set: set one");
    }
    String told = token == null ? read(name, Paths.get(String.valueOf(file))) : token;
    if (!told.matches("[!-~]{" + SHORTEST + "," + LONGEST + "}")) {
      throw new IllegalArgumentException(
          name
              + ": a token has "
              + SHORTEST
              + " to "
              + LONGEST
              + " visible ASCII characters, this one has "
              + told.length()
              + " characters");
    }
    return told;
  }

  private static String read(String name, Path file) {
    try {
      if (Files.size(file) > 2 * LONGEST) {
        throw new IllegalArgumentException(name + ": " + file + " is too long to be a token");
      }
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).trim();
    } catch (IOException e) {
      throw new IllegalArgumentException(name + ": " + file + " cannot be read: " + e);
    }
  }

  /** Whether a request needs the token. */
  boolean guarded() {
    return token != null;
  }

  /** Whether this header brings the token; how long that takes tells nothing of it. */
  boolean allows(@Nullable String authorization) {
    byte[] wanted = token;
    if (wanted == null) {
      return true;
    }
    if (authorization == null
        || authorization.length() > BEARER.length() + LONGEST
        || !authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      return false;
    }
    String brought = authorization.substring(BEARER.length()).trim();
    return MessageDigest.isEqual(wanted, brought.getBytes(StandardCharsets.UTF_8));
  }

  /** As in a URL. */
  String host() {
    String text = address.getHostAddress();
    int zone = text.indexOf('%');
    text = zone < 0 ? text : text.substring(0, zone);
    return text.indexOf(':') < 0 ? text : "[" + text + "]";
  }
}
