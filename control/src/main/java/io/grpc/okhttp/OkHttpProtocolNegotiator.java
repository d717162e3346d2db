package io.grpc.okhttp;

import io.grpc.okhttp.internal.Protocol;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * Replaces grpc-okhttp's class of the same name (weir.jar does not contain that one): negotiates
 * HTTP/2 by the JDK's own ALPN, which every JDK from 8u252 on has. (On an older one, etcd over TLS
 * fails with an error; without TLS this class is not used.)
 *
 * <p>The library's class detects the platform, and for that makes the JVM create its default {@code
 * SSLContext}, even without TLS. The JVM creates that context once: an application that sets {@code
 * javax.net.ssl.trustStore} later, in its {@code main}, would set it in vain. It would also read
 * all certificates of the JVM, some megabytes, for nothing.
 */
class OkHttpProtocolNegotiator {
  private static final OkHttpProtocolNegotiator JDK = new OkHttpProtocolNegotiator();

  private OkHttpProtocolNegotiator() {}

  /** Other classes of grpc-okhttp name this one; it has no instances. */
  static final class AndroidNegotiator extends OkHttpProtocolNegotiator {
    private AndroidNegotiator() {}
  }

  public static OkHttpProtocolNegotiator get() {
    return JDK;
  }

  /**
   * Does the TLS handshake.
   *
   * @param host not used: {@code io.weir.control.etcd.Tls} creates the socket with it
   * @param protocols null: those that are set on the socket
   * @return the negotiated protocol
   * @throws IOException the handshake failed
   * @throws RuntimeException the peer supports none of the protocols
   */
  public String negotiate(SSLSocket socket, String host, List<Protocol> protocols)
      throws IOException {
    if (protocols != null) {
      List<String> names = new ArrayList<String>();
      for (Protocol p : protocols) {
        names.add(p.toString());
      }
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setApplicationProtocols(names.toArray(new String[0]));
      socket.setSSLParameters(parameters);
    }
    socket.startHandshake();
    String agreed = getSelectedProtocol(socket);
    if (agreed == null) {
      throw new IllegalStateException("TLS ALPN negotiation failed with protocols: " + protocols);
    }
    return agreed;
  }

  /** The negotiated protocol; null: none. */
  public String getSelectedProtocol(SSLSocket socket) {
    String agreed = socket.getApplicationProtocol();
    return agreed == null || agreed.isEmpty() ? null : agreed;
  }
}
