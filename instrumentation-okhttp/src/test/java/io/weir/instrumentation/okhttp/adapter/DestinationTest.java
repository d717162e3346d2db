package io.weir.instrumentation.okhttp.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.instrumentation.api.common.HostPort;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.util.List;
import javax.net.SocketFactory;
import okhttp3.Dns;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.Test;

class DestinationTest {
  private static final HttpUrl URL = HttpUrl.get("http://pay/x");
  private static final Dns NAMES =
      name -> {
        if (name.equals("node7")) {
          return List.of(InetAddress.getByName("127.0.0.7"));
        }
        throw new UnknownHostException(name);
      };

  private static HostPort at(String host, int port) {
    return new HostPort(host, port);
  }

  private static Dns names(HostPort i) {
    return (Dns) Destination.of(i, URL, NAMES).substitutes("pay", 80)[0];
  }

  @Test
  void aCallThatGoesThereAnywayIsLeftAlone() {
    assertThat(Destination.of(null, URL, NAMES)).isNull();
  }

  @Test
  void onlyAddressesOfTheCallsOwnHostAndPortAreChanged() {
    Destination destination = Destination.of(at("127.0.0.7", 80), URL, NAMES);
    assertThat(destination.substitutes("pay", 443)).isNull();
    assertThat(destination.substitutes("elsewhere", 80)).isNull();
    assertThat(destination.taken()).isFalse();
    assertThat(destination.substitutes("pay", 80)).hasSize(3);
    assertThat(destination.taken()).isTrue();
  }

  @Test
  void theNameIsTheInstanceAndOtherNamesStayWhatTheyWere() throws UnknownHostException {
    assertThat(names(at("127.0.0.7", 80)).lookup("pay"))
        .containsExactly(InetAddress.getByName("127.0.0.7"));
    assertThat(names(at("node7", 80)).lookup("pay"))
        .containsExactly(InetAddress.getByName("127.0.0.7"));
    assertThat(names(at("127.0.0.7", 80)).lookup("node7"))
        .containsExactly(InetAddress.getByName("127.0.0.7"));
    assertThat(names(at("::1", 80)).lookup("pay")).containsExactly(InetAddress.getByName("::1"));
  }

  @Test
  void pooledConnectionsAreSharedWithinAnInstanceAndNeverBetweenTwo() {
    assertThat(names(at("127.0.0.7", 80)))
        .isEqualTo(names(at("127.0.0.7", 80)))
        .hasSameHashCodeAs(names(at("127.0.0.7", 80)))
        .isNotEqualTo(names(at("127.0.0.8", 80)))
        .isNotEqualTo(names(at("127.0.0.7", 81)))
        .isNotEqualTo(NAMES);
  }

  @Test
  void socketsConnectToTheInstancesPort() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      SocketFactory sockets =
          (SocketFactory)
              Destination.of(at("127.0.0.1", server.getLocalPort()), URL, NAMES)
                  .substitutes("pay", 80)[1];
      try (Socket s = sockets.createSocket()) {
        s.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), 80), 5_000);
        assertThat(s.getPort()).isEqualTo(server.getLocalPort());
      }
    }
  }

  /**
   * OkHttp asks no name service about such a host: the name service of the destination is not
   * enough.
   */
  @Test
  void aHardWiredAddressInTheUrlIsLeftForTheInstances() throws Exception {
    HttpUrl wired = HttpUrl.parse("http://127.0.0.77:80/");
    try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"))) {
      for (String host : new String[] {"127.0.0.1", "node1"}) {
        Dns names = name -> List.of(InetAddress.getByName("127.0.0.1"));
        SocketFactory sockets =
            (SocketFactory)
                Destination.of(at(host, server.getLocalPort()), wired, names)
                    .substitutes("127.0.0.77", 80)[1];
        try (Socket s = sockets.createSocket()) {
          s.connect(new InetSocketAddress("127.0.0.77", 80), 5_000);
          assertThat(s.getRemoteSocketAddress()).isEqualTo(server.getLocalSocketAddress());
        }
      }
    }
  }
}
