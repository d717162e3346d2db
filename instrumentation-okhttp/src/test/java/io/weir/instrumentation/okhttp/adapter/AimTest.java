package io.weir.instrumentation.okhttp.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.instances.Instance;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import javax.net.SocketFactory;
import okhttp3.Dns;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.Test;

class AimTest {
  private static final HttpUrl URL = HttpUrl.get("http://pay/x");
  private static final Dns NAMES =
      name -> {
        if (name.equals("node7")) {
          return List.of(InetAddress.getByName("127.0.0.7"));
        }
        throw new UnknownHostException(name);
      };

  private static Instance at(String host, int port) {
    return new Instance("pay", host, port, null, null, null, Map.of(), 100, null);
  }

  private static Dns names(Instance i) {
    return (Dns) Aim.at(i, URL, NAMES).substitutes("pay", 80)[0];
  }

  @Test
  void aCallThatGoesThereAnywayIsLeftAlone() {
    assertThat(Aim.at(null, URL, NAMES)).isNull();
    assertThat(Aim.at(at("pay", 80), URL, NAMES)).isNull();
  }

  @Test
  void onlyAddressesOfTheCallsOwnHostAndPortAreChanged() {
    Aim aim = Aim.at(at("127.0.0.7", 80), URL, NAMES);
    assertThat(aim.substitutes("pay", 443)).isNull();
    assertThat(aim.substitutes("elsewhere", 80)).isNull();
    assertThat(aim.taken()).isFalse();
    assertThat(aim.substitutes("pay", 80)).hasSize(3);
    assertThat(aim.taken()).isTrue();
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
              Aim.at(at("127.0.0.1", server.getLocalPort()), URL, NAMES).substitutes("pay", 80)[1];
      try (Socket s = sockets.createSocket()) {
        s.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), 80), 5_000);
        assertThat(s.getPort()).isEqualTo(server.getLocalPort());
      }
    }
  }

  /** OkHttp asks no name service about such a host: the name service of the aim is not enough. */
  @Test
  void aHardWiredAddressInTheUrlIsLeftForTheInstances() throws Exception {
    HttpUrl wired = HttpUrl.parse("http://127.0.0.77:80/");
    try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"))) {
      for (String host : new String[] {"127.0.0.1", "node1"}) {
        Dns names = name -> List.of(InetAddress.getByName("127.0.0.1"));
        SocketFactory sockets =
            (SocketFactory)
                Aim.at(at(host, server.getLocalPort()), wired, names)
                    .substitutes("127.0.0.77", 80)[1];
        try (Socket s = sockets.createSocket()) {
          s.connect(new InetSocketAddress("127.0.0.77", 80), 5_000);
          assertThat(s.getRemoteSocketAddress()).isEqualTo(server.getLocalSocketAddress());
        }
      }
    }
  }
}
