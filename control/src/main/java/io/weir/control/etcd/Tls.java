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

/**
 * TLS of a gRPC channel: whom to trust, who we are, and with what ciphers (those gRPC asks for).
 */
public final class Tls {
  private static final String[] VERSIONS = {"TLSv1.3", "TLSv1.2"};

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

  private static final char[] NONE = {};

  /** Kept for connecting again. */
  private static final int SESSIONS = 8;

  private Tls() {}

  /**
   * @throws IllegalArgumentException the files cannot be used
   */
  static void use(EtcdOptions options, OkHttpChannelBuilder b) {
    try {
      use(keys(options.tlsCert, options.tlsKey), trust(options.tlsCa), b);
    } catch (GeneralSecurityException | IOException | RuntimeException e) {
      throw new IllegalArgumentException("etcd: TLS cannot be set up: " + e, e);
    }
  }

  /** A channel that trusts whom the JVM trusts by now, and shows no certificate. */
  public static void use(OkHttpChannelBuilder b) throws GeneralSecurityException {
    use(null, null, b);
  }

  /**
   * Of itself the transport would ask the JVM for its default context, which is made once: before
   * the application has said where its trust store lies, perhaps.
   */
  private static void use(
      KeyManager @Nullable [] keys, TrustManager @Nullable [] trust, OkHttpChannelBuilder b)
      throws GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys, trust, null);
    // else each connection's session stays, with the peer's certificates, for a day
    context.getClientSessionContext().setSessionCacheSize(SESSIONS);
    b.sslSocketFactory(new Identified(context.getSocketFactory()))
        .tlsConnectionSpec(VERSIONS, CIPHERS)
        .hostnameVerifier((host, session) -> true); // the handshake has done it
  }

  /**
   * Sockets whose handshake holds the certificate against the host's name, by the JDK's rules. The
   * transport's own verifier, which is asked afterwards, compares IPv6 addresses as text.
   */
  private static final class Identified extends SSLSocketFactory {
    private final SSLSocketFactory sockets;

    Identified(SSLSocketFactory sockets) {
      this.sockets = sockets;
    }

    @Override
    public Socket createSocket(Socket s, String host, int port, boolean close) throws IOException {
      SSLSocket over = (SSLSocket) sockets.createSocket(s, host, port, close);
      SSLParameters parameters = over.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      over.setSSLParameters(parameters);
      return over;
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
    KeyStore store = empty();
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
      KeyStore store = empty();
      store.setKeyEntry("etcd", secret, NONE, CertificateUtils.getX509Certificates(certIn));
      KeyManagerFactory keys =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(store, NONE);
      return keys.getKeyManagers();
    }
  }

  private static KeyStore empty() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, NONE);
    return store;
  }
}
