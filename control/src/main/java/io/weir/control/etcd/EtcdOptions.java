package io.weir.control.etcd;

import java.io.File;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The addresses of etcd and how to log in. Immutable; {@link #toString} shows no secret. */
public final class EtcdOptions {
  /** At least one; all http or all https. */
  public final List<URI> endpoints;

  /** A prefix of every key, for example {@code /staging}; no trailing slash; possibly empty. */
  public final String namespace;

  /** Null: no authentication. */
  public final @Nullable String user;

  private final @Nullable String password;
  private final @Nullable PasswordFile passwordFile;

  /** PEM file of the trusted authorities; null: those that the JVM trusts. */
  public final @Nullable Path tlsCa;

  /** PEM file of our certificate; null: no client certificate. */
  public final @Nullable Path tlsCert;

  /** PEM file of the certificate's private key; null together with {@link #tlsCert}. */
  public final @Nullable Path tlsKey;

  /** The time-out of one TCP connection attempt. */
  public final int connectTimeoutMillis;

  private EtcdOptions(Builder b) {
    endpoints = Collections.unmodifiableList(new ArrayList<URI>(b.endpoints));
    String ns = b.namespace;
    while (ns.endsWith("/")) {
      ns = ns.substring(0, ns.length() - 1);
    }
    namespace = ns;
    user = b.user;
    password = b.password;
    passwordFile = b.passwordFile;
    tlsCa = b.tlsCa;
    tlsCert = b.tlsCert;
    tlsKey = b.tlsKey;
    connectTimeoutMillis = b.connectTimeoutMillis;
    check();
  }

  private void check() {
    if (endpoints.isEmpty()) {
      throw new IllegalArgumentException("etcd: no endpoint given");
    }
    boolean tls = secure();
    for (URI e : endpoints) {
      if (e.getHost() == null || e.getPort() <= 0 || !isHttp(e)) {
        throw new IllegalArgumentException(
            "etcd: endpoint '" + e + "' is not of the form http://HOST:PORT or https://HOST:PORT");
      }
      if (tls != "https".equals(e.getScheme())) {
        throw new IllegalArgumentException("etcd: endpoints are all http or all https");
      }
    }
    if (!tls && (tlsCa != null || tlsCert != null || tlsKey != null)) {
      throw new IllegalArgumentException(
          "etcd: TLS files are given but the endpoints are http; write https");
    }
    if ((tlsCert == null) != (tlsKey == null)) {
      throw new IllegalArgumentException("etcd: a TLS certificate and its key go together");
    }
    if ((user == null) != (password == null && passwordFile == null)) {
      throw new IllegalArgumentException("etcd: user and password go together");
    }
    if (connectTimeoutMillis < 1) {
      throw new IllegalArgumentException("etcd: connect timeout must be at least 1 ms");
    }
  }

  private static boolean isHttp(URI e) {
    return "http".equals(e.getScheme()) || "https".equals(e.getScheme());
  }

  /**
   * The first endpoint on another host to which the password would be sent unencrypted; null: none.
   * Does no name look-up.
   */
  public @Nullable URI unprotected() {
    if (user != null && !secure()) {
      for (URI e : endpoints) {
        String host = e.getHost();
        if (!host.equals("localhost")
            && !host.equals("[::1]")
            && !host.matches("127(\\.[0-9]{1,3}){3}")) {
          return e;
        }
      }
    }
    return null;
  }

  /** Whether the endpoints are https. */
  public boolean secure() {
    return "https".equals(endpoints.get(0).getScheme());
  }

  /** The password, read from its file if there is one; null: no authentication. */
  @Nullable String password() {
    return passwordFile == null ? password : passwordFile.password();
  }

  /** Whether making a client with these options reads files, which may hang. */
  boolean readsFiles() {
    return secure() || passwordFile != null;
  }

  /** A number that changes when a certificate's file or the password's file is replaced. */
  long filesStamp() {
    long stamp = 0;
    Path secret = passwordFile == null ? null : passwordFile.path;
    for (Path path : new Path[] {tlsCa, tlsCert, tlsKey, secret}) {
      File file = path == null ? null : path.toFile();
      stamp = stamp * 31 + (file == null ? 0 : file.lastModified() * 31 + file.length());
    }
    return stamp;
  }

  @Override
  public String toString() {
    return "etcd"
        + endpoints
        + (namespace.isEmpty() ? "" : " namespace " + namespace)
        + (user == null ? "" : " user " + user);
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Single-threaded. */
  public static final class Builder {
    private final List<URI> endpoints = new ArrayList<URI>();
    private String namespace = "";
    private @Nullable String user;
    private @Nullable String password;
    private @Nullable PasswordFile passwordFile;
    private @Nullable Path tlsCa;
    private @Nullable Path tlsCert;
    private @Nullable Path tlsKey;
    private int connectTimeoutMillis = 2000;

    /**
     * @param commaSeparated {@code http://a:2379,http://b:2379}; http if no scheme is given
     */
    public Builder endpoints(String commaSeparated) {
      for (String e : commaSeparated.split(",")) {
        // "user:password@" has no effect here but would be logged with the address, so it is cut
        String text = e.trim().replaceFirst("^([a-z]+://)?[^/]*@", "$1");
        if (!text.isEmpty()) {
          try {
            endpoints.add(URI.create(text.contains("://") ? text : "http://" + text));
          } catch (IllegalArgumentException bad) {
            throw new IllegalArgumentException("etcd: '" + text + "' is no endpoint", bad);
          }
        }
      }
      return this;
    }

    public Builder namespace(String v) {
      namespace = v == null ? "" : v;
      return this;
    }

    public Builder user(@Nullable String user, @Nullable String password) {
      this.user = user;
      this.password = password;
      return this;
    }

    /** As {@link #user(String, String)}, with a password that may change. */
    public Builder user(@Nullable String user, PasswordFile password) {
      this.user = user;
      this.passwordFile = password;
      return this;
    }

    /** Null: the authorities that the JVM trusts. */
    public Builder tlsCa(@Nullable Path v) {
      tlsCa = v;
      return this;
    }

    public Builder tlsIdentity(@Nullable Path cert, @Nullable Path key) {
      tlsCert = cert;
      tlsKey = key;
      return this;
    }

    public Builder connectTimeoutMillis(int v) {
      connectTimeoutMillis = v;
      return this;
    }

    /**
     * @throws IllegalArgumentException the options contradict each other; the message says how
     */
    public EtcdOptions build() {
      return new EtcdOptions(this);
    }
  }
}
