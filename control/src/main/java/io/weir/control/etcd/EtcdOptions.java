package io.weir.control.etcd;

import java.io.File;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Where etcd is and how to get in. Immutable; its text form shows no secret. */
public final class EtcdOptions {
  /** At least one; all http or all https. */
  public final List<URI> endpoints;

  /** Put before every key, for example {@code /staging}; no trailing slash; possibly empty. */
  public final String namespace;

  /** Null: no authentication. */
  public final @Nullable String user;

  private final @Nullable String password;
  private final @Nullable PasswordFile passwordFile;

  /** PEM file of the authorities trusted; null: those of the JVM. */
  public final @Nullable Path tlsCa;

  /** PEM files for mutual TLS; both or none. */
  public final @Nullable Path tlsCert;

  public final @Nullable Path tlsKey;

  /** Of one TCP connection attempt. */
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
   * The first endpoint on another host to which a password would go unencrypted; null: none. Looks
   * up no name.
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

  /** Null: no authentication. Reads the file, where there is one. */
  @Nullable String password() {
    return passwordFile == null ? password : passwordFile.password();
  }

  /** Whether a client of these options reads files, which may hang. */
  boolean readsFiles() {
    return secure() || passwordFile != null;
  }

  /** Changes when a file of certificates or of the password is replaced. */
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
     * @param commaSeparated {@code http://a:2379,http://b:2379}; without a scheme, http
     */
    public Builder endpoints(String commaSeparated) {
      for (String e : commaSeparated.split(",")) {
        // a user before an '@' would do nothing, and be shown with the address: it goes at once
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

    /** As {@link #user(String, String)}, with a password that may be rotated. */
    public Builder user(@Nullable String user, PasswordFile password) {
      this.user = user;
      this.passwordFile = password;
      return this;
    }

    /** Null for the JVM's own authorities. */
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
     * @throws IllegalArgumentException naming what is wrong
     */
    public EtcdOptions build() {
      return new EtcdOptions(this);
    }
  }
}
