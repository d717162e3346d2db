package io.weir.control.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against a peer that takes connections and says nothing. */
class TimeoutSocketsTest {
  private final InetAddress here = InetAddress.getLoopbackAddress();
  private ServerSocket mute;

  @BeforeEach
  void listen() throws IOException {
    mute = new ServerSocket(0, 50, here);
  }

  @AfterEach
  void end() throws IOException {
    mute.close();
  }

  @Test
  void whoSaysNothingIsGivenUp() throws IOException {
    TimeoutSockets sockets = new TimeoutSockets(5000, 50);
    try (Socket s = sockets.createSocket(here, mute.getLocalPort())) {
      assertThatThrownBy(() -> s.getInputStream().read())
          .isInstanceOf(SocketTimeoutException.class);
    }
  }

  @Test
  void whoReadsIsToldAtOnceThatAllIsClosed() throws Exception {
    TimeoutSockets sockets = new TimeoutSockets(5000, 60_000);
    Socket s = sockets.createSocket(here, mute.getLocalPort());
    CompletableFuture<Throwable> told = new CompletableFuture<>();
    Thread reader =
        new Thread(
            () -> {
              try {
                told.completeExceptionally(new AssertionError(s.getInputStream().read()));
              } catch (IOException e) {
                told.complete(e);
              }
            });
    reader.start();
    sockets.close();
    assertThat(told.get(20, TimeUnit.SECONDS)).isInstanceOf(SocketException.class);
    reader.join(20_000);
    assertThatThrownBy(() -> sockets.createSocket(here, mute.getLocalPort()))
        .isInstanceOf(IOException.class)
        .hasMessage("closed");
  }

  @Test
  void theApplicationsProxyIsNotAsked() throws Exception {
    ServerSocket nobody = new ServerSocket(0, 50, here);
    nobody.close();
    System.setProperty("socksProxyHost", "127.0.0.1");
    System.setProperty("socksProxyPort", Integer.toString(nobody.getLocalPort()));
    try (Socket s = new TimeoutSockets(5000, 1000).createSocket(here, mute.getLocalPort())) {
      assertThat(s.isConnected()).isTrue();
    } finally {
      System.clearProperty("socksProxyHost");
      System.clearProperty("socksProxyPort");
    }
  }
}
