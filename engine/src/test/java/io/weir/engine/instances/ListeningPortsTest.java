package io.weir.engine.instances;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ListeningPortsTest {
  private final List<String> told = new ArrayList<>();
  private final ListeningPorts ports = new ListeningPorts();
  private final ListeningPorts.Sink sink =
      new ListeningPorts.Sink() {
        @Override
        public void listening(String protocol, String host, int port) {
          told.add(protocol + " " + host + " " + port);
        }

        @Override
        public void passedOver(int port, String why) {
          told.add("not " + port + ": " + why);
        }

        @Override
        public void stopped(int port) {
          told.add("stopped " + port);
        }
      };

  @Test
  void whoComesLateIsToldWhatListensAlready() {
    ports.listening("http", null, 8080);
    ports.listening("grpc", "127.0.0.1", 9090);
    ports.listening("grpc", null, 9091);
    ports.stopped(9090);
    ports.listening("grpc", null, 9092);
    ports.follow(sink);
    assertThat(told).hasSize(3).startsWith("http null 8080").endsWith("grpc null 9092");
    assertThat(told.get(1)).startsWith("not 9091: port 9090 was opened first");
  }

  @Test
  void whoFollowsIsToldEveryChangeOnce() {
    ports.follow(sink);
    ports.listening("http", "h", 8080);
    ports.listening("grpc", "other", 8080);
    ports.listening("http", null, 0);
    ports.listening("http", null, -1);
    ports.stopped(1);
    ports.stopped(8080);
    ports.stopped(8080);
    ports.listening("grpc", null, 8080);
    assertThat(told).containsExactly("http h 8080", "stopped 8080", "grpc null 8080");
  }

  @Test
  void theFirstPortOfEachProtocolIsTheServicesUntilItIsClosed() {
    ports.follow(sink);
    ports.listening("http", null, 8080);
    ports.listening("http", null, 8081);
    ports.listening("grpc", null, 9090);
    ports.stopped(8081);
    ports.stopped(8080);
    ports.listening("http", null, 8082);
    assertThat(told)
        .containsExactly(
            "http null 8080",
            "not 8081: port 8080 was opened first and is this service's; weir.register.ports can"
                + " name others",
            "grpc null 9090",
            "stopped 8080",
            "http null 8082");
  }

  @Test
  void onlyDeclaredPortsAreTheServicesAndNoManagementPortEverIs() {
    ports.declare(Set.of(8443, 9001), Set.of(9001));
    assertThat(ports.anyManagement()).isTrue();
    assertThat(ports.isManagement(9001)).isTrue();
    assertThat(ports.isManagement(8443)).isFalse();
    ports.follow(sink);
    ports.listening("http", null, 8080);
    ports.listening("http", null, 9001);
    ports.listening("http", null, 8443);
    assertThat(told).hasSize(3).endsWith("http null 8443");
    assertThat(told.get(0)).contains("not 8080").contains("weir.register.ports does not name it");
    assertThat(told.get(1)).contains("not 9001").contains("management");
  }

  @Test
  void aManagementPortThatIsOpenedFirstDoesNotTakeTheServicesPlace() {
    ports.declare(Set.of(), Set.of(9001));
    ports.follow(sink);
    ports.listening("http", null, 9001);
    ports.listening("http", null, 8080);
    assertThat(told.get(1)).isEqualTo("http null 8080");
  }
}
