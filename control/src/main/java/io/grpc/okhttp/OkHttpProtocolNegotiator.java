package io.grpc.okhttp;

import io.grpc.okhttp.internal.Protocol;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * Ours, in the place of the library's class of this name, which it loads instead (weir.jar has no
 * other): agrees on HTTP/2 by the JDK's own ALPN, in every JDK from 8u252 on.
 *
 * <p>The library's asks what kind of platform it is on, and for that has the JVM make its default
 * {@code SSLContext}, whether TLS is spoken or not. That context is made once for the whole JVM: an
 * application that says only later, in its {@code main}, where its trust store lies ({@code
 * javax.net.ssl.trustStore}) would never be heard. It also reads all certificates of the JVM, some
 * megabytes, for nothing.
 */
class OkHttpProtocolNegotiator {
  private static final OkHttpProtocolNegotiator JDK = new OkHttpProtocolNegotiator();

  private OkHttpProtocolNegotiator() {}

  /** What the library's class has for Android; nothing is ever of it. */
  static final class AndroidNegotiator extends OkHttpProtocolNegotiator {
    private AndroidNegotiator() {}
  }

  public static OkHttpProtocolNegotiator get() {
    return JDK;
  }

  /**
   * Shakes hands.
   *
   * @param protocols null: nothing is to be agreed on
   * @return the protocol agreed on
   * @throws IOException no handshake
   * @throws RuntimeException the peer agreed on none of these
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

  /** Null: none. */
  public String getSelectedProtocol(SSLSocket socket) {
    String agreed = socket.getApplicationProtocol();
    return agreed == null || agreed.isEmpty() ? null : agreed;
  }
}
