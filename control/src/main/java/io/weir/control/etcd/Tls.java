package io.weir.control.etcd;

import io.grpc.okhttp.OkHttpChannelBuilder;
import io.grpc.util.CertificateUtils;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.KeyStoreException;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.Objects;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** Configures TLS for a gRPC channel: trusted authorities, our certificate, versions, ciphers. */
public final class Tls {
  private static final String[] VERSIONS = {"TLSv1.3", "TLSv1.2"};

  /** HTTP/2 (RFC 9113) allows all of them. */
  private static final String[] CIPHERS = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
  };

  /** The key store only lives in memory, so its password protects nothing. */
  private static final char[] NO_PASSWORD = {};

  /** How many TLS sessions are kept, so that a reconnect may resume one. */
  private static final int CACHED_SESSIONS = 8;

  private Tls() {}

  /**
   * Configures the channel with the files that the options name.
   *
   * @throws IllegalArgumentException the files cannot be used
   */
  static void use(EtcdOptions options, OkHttpChannelBuilder b) {
    try {
      use(keys(options.tlsCert, options.tlsKey), trust(options.tlsCa), b);
    } catch (GeneralSecurityException | IOException | RuntimeException e) {
      throw new IllegalArgumentException("etcd: TLS cannot be set up: " + e, e);
    }
  }

  /** Configures the channel with the JVM's current trust store and without our certificate. */
  public static void use(OkHttpChannelBuilder b) throws GeneralSecurityException {
    use(null, null, b);
  }

  /**
   * A context of our own: the transport's default is {@code SSLContext.getDefault()}, which the JVM
   * makes once. We might make it before the application sets the properties of its trust store.
   *
   * @param keys null: no client certificate
   * @param trust null: the JVM's trust store
   */
  private static void use(
      KeyManager @Nullable [] keys, TrustManager @Nullable [] trust, OkHttpChannelBuilder b)
      throws GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys, trust, null);
    // without a limit, each connection's session and its certificates stay in memory for a day
    context.getClientSessionContext().setSessionCacheSize(CACHED_SESSIONS);
    b.sslSocketFactory(new HostnameCheckingSockets(context.getSocketFactory()))
        .tlsConnectionSpec(VERSIONS, CIPHERS)
        // the handshake has verified the host name: HostnameCheckingSockets makes it
        .hostnameVerifier((host, session) -> true);
  }

  /**
   * Makes sockets whose TLS handshake fails unless the certificate fits the host name, by the JDK's
   * rules. The transport's own verifier, which runs after the handshake, compares IPv6 addresses as
   * text and would refuse other spellings.
   *
   * <p>The transport only ever lays TLS over a connected socket; the other ways to create a socket
   * throw.
   */
  private static final class HostnameCheckingSockets extends SSLSocketFactory {
    private final SSLSocketFactory sockets;

    HostnameCheckingSockets(SSLSocketFactory sockets) {
      this.sockets = sockets;
    }

    @Override
    public Socket createSocket(Socket s, String host, int port, boolean close) throws IOException {
      SSLSocket tlsSocket = (SSLSocket) sockets.createSocket(s, host, port, close);
      SSLParameters parameters = tlsSocket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      tlsSocket.setSSLParameters(parameters);
      return tlsSocket;
    }

    @Override
    public String[] getDefaultCipherSuites() {
      return sockets.getDefaultCipherSuites();
    }

    @Override
    public String[] getSupportedCipherSuites() {
      return sockets.getSupportedCipherSuites();
    }

    @Override
    public Socket createSocket(String host, int port) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress from, int fromPort) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Socket createSocket(InetAddress host, int port, InetAddress from, int fromPort) {
      throw new UnsupportedOperationException();
    }
  }

  private static TrustManager @Nullable [] trust(@Nullable Path ca)
      throws GeneralSecurityException, IOException {
    if (ca == null) {
      return null;
    }
    KeyStore store = emptyKeyStore();
    try (InputStream in = Files.newInputStream(ca)) {
      for (X509Certificate authority : CertificateUtils.getX509Certificates(in)) {
        store.setCertificateEntry("authority-" + store.size(), authority);
      }
    }
    if (store.size() == 0) {
      throw new KeyStoreException("no certificate in " + ca);
    }
    TrustManagerFactory trusted =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trusted.init(store);
    return trusted.getTrustManagers();
  }

  private static KeyManager @Nullable [] keys(@Nullable Path cert, @Nullable Path key)
      throws GeneralSecurityException, IOException {
    if (cert == null) {
      return null;
    }
    try (InputStream certIn = Files.newInputStream(cert);
        InputStream keyIn = Files.newInputStream(Objects.requireNonNull(key))) {
      PrivateKey secret = CertificateUtils.getPrivateKey(keyIn);
      KeyStore store = emptyKeyStore();
      store.setKeyEntry("etcd", secret, NO_PASSWORD, CertificateUtils.getX509Certificates(certIn));
      KeyManagerFactory keys =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(store, NO_PASSWORD);
      return keys.getKeyManagers();
    }
  }

  private static KeyStore emptyKeyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, NO_PASSWORD);
    return store;
  }
}
