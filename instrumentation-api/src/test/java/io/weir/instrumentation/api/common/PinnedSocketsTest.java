package io.weir.instrumentation.api.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

class PinnedSocketsTest {
  @Test
  void aNameThatNobodyResolvedIsNotTakenForThisHost() throws Exception {
    try (ServerSocket instance = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket s = new PinnedSockets(8080, instance.getLocalPort(), null).createSocket()) {
      assertThatThrownBy(
              () -> s.connect(InetSocketAddress.createUnresolved("nowhere.invalid", 8080), 1000))
          .isInstanceOf(UnknownHostException.class);
    }
  }

  @Test
  void itConnectsToTheInstanceInsteadOfThePortThatWasWritten() throws Exception {
    try (ServerSocket instance = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket s = new PinnedSockets(8080, instance.getLocalPort(), null).createSocket()) {
      s.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8080), 1000);
      assertThat(s.getPort()).isEqualTo(instance.getLocalPort());
    }
  }
}
